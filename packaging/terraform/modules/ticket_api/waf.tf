# The firewall before the API. It never sees a PUT: those go to S3.

locals {
  # Behind a custom domain the firewall may see the path with the stage before it, whose name is the same v1.
  paths = "^(/${local.stage})?/(v1/(tickets|heartbeat|renew)|healthz)$"

  # The gateway hands the firewall the first 64 KiB of a body; 64 uploads and a heartbeat stay below that (ticket.MaxSentBytes).
  body_bytes = 65536

  managed_rules = {
    # Bodies are judged by our own rule, which knows how long they are; and heartbeats name hosts by address, which
    # looks like the inclusion of a remote file.
    AWSManagedRulesCommonRuleSet          = { priority = 50, count_only = ["SizeRestrictions_BODY", "GenericRFI_BODY"] }
    AWSManagedRulesKnownBadInputsRuleSet  = { priority = 51, count_only = [] }
    AWSManagedRulesAmazonIpReputationList = { priority = 52, count_only = [] }
  }
}

resource "aws_wafv2_web_acl" "this" {
  count = var.waf ? 1 : 0

  name        = local.name
  description = "Before the ticket API"
  scope       = "REGIONAL"

  default_action {
    allow {}
  }

  association_config {
    request_body {
      api_gateway {
        default_size_inspection_limit = "KB_64"
      }
    }
  }

  # To a rig 403 says that it is not welcome, and it would call for a person. These two say what they mean.
  rule {
    name     = "rate"
    priority = 10

    action {
      block {
        custom_response {
          response_code = 429
        }
      }
    }

    statement {
      rate_based_statement {
        limit              = var.waf_rate
        aggregate_key_type = "IP"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "rate"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "other-paths"
    priority = 20

    action {
      block {}
    }

    statement {
      not_statement {
        statement {
          regex_match_statement {
            regex_string = local.paths

            field_to_match {
              uri_path {}
            }

            text_transformation {
              priority = 0
              type     = "NONE"
            }
          }
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "other-paths"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "long-bodies"
    priority = 30

    action {
      block {
        custom_response {
          response_code = 413
        }
      }
    }

    statement {
      size_constraint_statement {
        comparison_operator = "GE"
        size                = local.body_bytes

        field_to_match {
          body {
            oversize_handling = "MATCH"
          }
        }

        text_transformation {
          priority = 0
          type     = "NONE"
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "long-bodies"
      sampled_requests_enabled   = true
    }
  }

  dynamic "rule" {
    for_each = length(var.countries) > 0 ? [1] : []

    content {
      name     = "other-countries"
      priority = 40

      action {
        block {}
      }

      statement {
        not_statement {
          statement {
            geo_match_statement {
              country_codes = var.countries
            }
          }
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = "other-countries"
        sampled_requests_enabled   = true
      }
    }
  }

  dynamic "rule" {
    for_each = local.managed_rules

    content {
      name     = rule.key
      priority = rule.value.priority

      override_action {
        none {}
      }

      statement {
        managed_rule_group_statement {
          name        = rule.key
          vendor_name = "AWS"

          dynamic "rule_action_override" {
            for_each = rule.value.count_only

            content {
              name = rule_action_override.value

              action_to_use {
                count {}
              }
            }
          }
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = rule.key
        sampled_requests_enabled   = true
      }
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = local.name
    sampled_requests_enabled   = true
  }
}

resource "aws_wafv2_web_acl_association" "this" {
  count = var.waf ? 1 : 0

  resource_arn = aws_api_gateway_stage.this.arn
  web_acl_arn  = aws_wafv2_web_acl.this[0].arn
}

resource "aws_cloudwatch_log_group" "waf" {
  count = var.waf ? 1 : 0

  name              = "aws-waf-logs-${local.name}" # AWS WAF writes to names that begin so, and to no others
  retention_in_days = var.log_days
  kms_key_id        = var.platform_key_arn
}

resource "aws_wafv2_web_acl_logging_configuration" "this" {
  count = var.waf ? 1 : 0

  resource_arn            = aws_wafv2_web_acl.this[0].arn
  log_destination_configs = [aws_cloudwatch_log_group.waf[0].arn]

  redacted_fields {
    single_header {
      name = "authorization"
    }
  }
}
