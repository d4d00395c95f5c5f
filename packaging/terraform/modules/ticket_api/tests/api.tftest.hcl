# Who reaches the backend, and by which way.

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
  waf                = false
}

run "rigs_come_with_a_certificate_by_one_name" {
  command = apply

  assert {
    condition     = aws_api_gateway_rest_api.this.disable_execute_api_endpoint
    error_message = "The default endpoint asks for no certificate: it must be disabled."
  }

  assert {
    condition     = aws_api_gateway_domain_name.this.mutual_tls_authentication[0].truststore_uri == "s3://example-shelf-trust/client-ca.pem"
    error_message = "The domain must want client certificates of our authority."
  }

  assert {
    condition     = aws_api_gateway_domain_name.this.security_policy == "TLS_1_2"
    error_message = "TLS below 1.2 must be refused."
  }

  assert {
    condition     = aws_api_gateway_base_path_mapping.this.base_path == null || aws_api_gateway_base_path_mapping.this.base_path == ""
    error_message = "The backend takes paths as they are: there must be no base path."
  }

  assert {
    condition     = toset([for name, c in aws_api_gateway_method.call : "${c.http_method} ${name}"]) == toset(["POST tickets", "POST heartbeat", "POST renew", "GET healthz"])
    error_message = "The API must have the backend's paths and no other."
  }

  assert {
    condition     = alltrue([for i in aws_api_gateway_integration.call : i.type == "AWS_PROXY" && i.integration_http_method == "POST"])
    error_message = "Requests must go to the function as they are."
  }

  assert {
    condition     = aws_lambda_permission.gateway.source_arn == "arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5/v1/*" && aws_lambda_permission.gateway.source_account == "111122223333"
    error_message = "Only our API may call the function."
  }
}

run "the_gateway_is_bounded_and_tells_no_secrets" {
  command = apply

  assert {
    condition = alltrue([
      for s in aws_api_gateway_method_settings.all.settings :
      s.throttling_rate_limit == 50 && s.throttling_burst_limit == 100 && s.metrics_enabled && s.logging_level == "ERROR" && !s.data_trace_enabled
    ])
    error_message = "Requests must be bounded and counted, errors logged, and bodies, which hold tickets, never."
  }

  assert {
    condition = (
      !strcontains(aws_api_gateway_stage.this.access_log_settings[0].format, "querystring") &&
      strcontains(aws_api_gateway_stage.this.access_log_settings[0].format, "clientCert.serialNumber")
    )
    error_message = "Each request must be logged with whose certificate it was, and without its query."
  }

  assert {
    condition     = aws_cloudwatch_log_group.access.kms_key_id == var.platform_key_arn && aws_cloudwatch_log_group.access.retention_in_days == 30
    error_message = "The access log must be encrypted, and end some day."
  }

  assert {
    condition     = length(aws_api_gateway_account.this) == 0
    error_message = "The account's role for logs is for others to set, unless they say otherwise."
  }
}

run "a_trial_has_no_firewall" {
  command = apply

  assert {
    condition     = length(aws_wafv2_web_acl.this) + length(aws_wafv2_web_acl_association.this) + length(aws_cloudwatch_log_group.waf) == 0
    error_message = "waf = false must be no firewall, and no cost."
  }
}

run "a_private_key_is_no_trust_store" {
  command = plan

  variables {
    client_ca_pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n"
  }

  expect_failures = [var.client_ca_pem]
}
