# The firewall before the API.

mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  account            = { id = "111122223333", region = "eu-central-1", partition = "aws" }
  name               = "shelf"
  domain_name        = "tickets.example.com"
  certificate_arn    = "arn:aws:acm:eu-central-1:111122223333:certificate/1234abcd-12ab-34cd-56ef-1234567890ab"
  client_ca_pem      = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
  trust_domain       = "shelf.example.com"
  trust_store_bucket = "example-shelf-trust"
  package            = { file = "versions.tf" } # any file: a mock does not look into it
  bucket             = "example-shelf-frames"
  bucket_arn         = "arn:aws:s3:::example-shelf-frames"
  frames_key_arn     = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  platform_key_arn   = "arn:aws:kms:eu-central-1:111122223333:key/ffffabcd-12ab-34cd-56ef-1234567890ab"
  boundary_arn       = "arn:aws:iam::111122223333:policy/shelf-boundary"
  notices_topic_arn  = "arn:aws:sns:eu-central-1:111122223333:shelf-notices"
  vpc_id             = "vpc-0a1b2c3d"
  subnet_ids         = ["subnet-0a", "subnet-0b"]
  security_group_ids = ["sg-0a"]
  countries          = ["DE", "AT"]
}

run "the_firewall_is_before_the_api" {
  command = apply

  assert {
    condition     = aws_wafv2_web_acl_association.this[0].resource_arn == aws_api_gateway_stage.this.arn && aws_wafv2_web_acl_association.this[0].web_acl_arn == aws_wafv2_web_acl.this[0].arn
    error_message = "The firewall must be before the API's stage."
  }

  assert {
    condition = one([for r in aws_wafv2_web_acl.this[0].rule : [
      length(r.action[0].block), r.statement[0].rate_based_statement[0].limit, r.statement[0].rate_based_statement[0].aggregate_key_type
    ] if r.name == "rate"]) == [1, 2000, "IP"]
    error_message = "An address that asks too often must be blocked."
  }

  assert {
    condition = one([for r in aws_wafv2_web_acl.this[0].rule : [
      length(r.action[0].block), r.statement[0].not_statement[0].statement[0].regex_match_statement[0].regex_string
    ] if r.name == "other-paths"]) == [1, "^(/v1)?/(v1/(tickets|heartbeat|renew)|healthz)$"]
    error_message = "Other paths than the backend's must be blocked."
  }

  assert {
    condition = alltrue([
      for path in ["/v1/tickets", "/v1/v1/tickets", "/v1/heartbeat", "/v1/renew", "/healthz", "/v1/healthz"] : can(regex(local.paths, path))
      ]) && !anytrue([
      for path in ["/", "/tickets", "/v1/enroll", "/v1/v1/v1/tickets", "/x/v1/tickets", "/v1/tickets/", "/healthz/x"] : can(regex(local.paths, path))
    ])
    error_message = "The backend's paths must pass as the rig writes them, and with the stage before them, and no others."
  }

  assert {
    condition = { for r in aws_wafv2_web_acl.this[0].rule : r.name => r.action[0].block[0].custom_response[0].response_code if try(length(r.action[0].block[0].custom_response), 0) > 0 } == {
      rate = 429, long-bodies = 413
    }
    error_message = "A rig must not read \"too often\" or \"too long\" as \"not welcome\", which is 403."
  }

  assert {
    condition = one([for r in aws_wafv2_web_acl.this[0].rule : [
      length(r.action[0].block), r.statement[0].size_constraint_statement[0].comparison_operator, r.statement[0].size_constraint_statement[0].size,
      r.statement[0].size_constraint_statement[0].field_to_match[0].body[0].oversize_handling
    ] if r.name == "long-bodies"]) == [1, "GE", 65536, "MATCH"]
    error_message = "Bodies that the firewall cannot see whole must be blocked."
  }

  assert {
    condition = one([for r in aws_wafv2_web_acl.this[0].rule : [
      length(r.action[0].block), r.statement[0].not_statement[0].statement[0].geo_match_statement[0].country_codes
    ] if r.name == "other-countries"]) == [1, tolist(["DE", "AT"])]
    error_message = "Other countries must be blocked."
  }

  assert {
    condition = toset([for r in aws_wafv2_web_acl.this[0].rule : r.statement[0].managed_rule_group_statement[0].name if length(r.statement[0].managed_rule_group_statement) > 0]) == toset([
      "AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet", "AWSManagedRulesAmazonIpReputationList",
    ])
    error_message = "AWS's common rules, known bad inputs and address reputation must be there."
  }

  assert {
    condition = contains(flatten([
      for r in aws_wafv2_web_acl.this[0].rule : r.statement[0].managed_rule_group_statement[0].rule_action_override[*].name if r.name == "AWSManagedRulesCommonRuleSet"
    ]), "SizeRestrictions_BODY")
    error_message = "AWS's rule against bodies above 8 KB would block requests for many tickets: it must only count."
  }

  assert {
    condition     = startswith(aws_cloudwatch_log_group.waf[0].name, "aws-waf-logs-") && aws_wafv2_web_acl_logging_configuration.this[0].redacted_fields[0].single_header[0].name == "authorization"
    error_message = "What the firewall does must be logged, without tokens."
  }
}

run "everywhere_without_countries" {
  command = apply

  variables {
    countries = []
  }

  assert {
    condition     = length([for r in aws_wafv2_web_acl.this[0].rule : r if r.name == "other-countries"]) == 0
    error_message = "Without countries there must be no rule about them."
  }
}
