# What the watchmen found, by how bad it is. Whoever has them centrally still gets the findings of this account here.

locals {
  findings = {
    guardduty-urgent = {
      to      = "urgent"
      pattern = { source = ["aws.guardduty"], "detail-type" = ["GuardDuty Finding"], detail = { severity = [{ numeric = [">=", 7] }] } }
      paths   = { title = "$.detail.title", what = "$.detail.description" }
    }
    guardduty-notice = {
      to      = "notices"
      pattern = { source = ["aws.guardduty"], "detail-type" = ["GuardDuty Finding"], detail = { severity = [{ numeric = [">=", 4, "<", 7] }] } }
      paths   = { title = "$.detail.title", what = "$.detail.description" }
    }
    securityhub-urgent = {
      to = "urgent"
      pattern = { source = ["aws.securityhub"], "detail-type" = ["Security Hub Findings - Imported"], detail = { findings = {
        Severity    = { Label = ["CRITICAL", "HIGH"] }, RecordState = ["ACTIVE"], Workflow = { Status = ["NEW"] }
        ProductName = [{ anything-but = ["GuardDuty", "Macie"] }] # those come by themselves
      } } }
      paths = { title = "$.detail.findings[0].Title", what = "$.detail.findings[0].Description" }
    }
    securityhub-notice = {
      to = "notices"
      pattern = { source = ["aws.securityhub"], "detail-type" = ["Security Hub Findings - Imported"], detail = { findings = {
        Severity    = { Label = ["MEDIUM"] }, RecordState = ["ACTIVE"], Workflow = { Status = ["NEW"] }
        ProductName = [{ anything-but = ["GuardDuty", "Macie"] }]
      } } }
      paths = { title = "$.detail.findings[0].Title", what = "$.detail.findings[0].Description" }
    }
    macie-urgent = {
      to      = "urgent"
      pattern = { source = ["aws.macie"], "detail-type" = ["Macie Finding"], detail = { severity = { description = ["High"] } } }
      paths   = { title = "$.detail.title", what = "$.detail.description" }
    }
    macie-notice = {
      to      = "notices"
      pattern = { source = ["aws.macie"], "detail-type" = ["Macie Finding"], detail = { severity = { description = ["Medium"] } } }
      paths   = { title = "$.detail.title", what = "$.detail.description" }
    }
    config-notice = {
      to      = "notices"
      pattern = { source = ["aws.config"], "detail-type" = ["Config Rules Compliance Change"], detail = { configRuleName = [{ prefix = "${var.name}-" }], newEvaluationResult = { complianceType = ["NON_COMPLIANT"] } } }
      paths   = { title = "$.detail.configRuleName", what = "$.detail.resourceId" }
    }
  }
}

resource "aws_cloudwatch_event_rule" "finding" {
  for_each = local.findings

  name          = "${var.name}-${each.key}"
  description   = "Findings for ${each.value.to}"
  event_pattern = jsonencode(each.value.pattern)
}

resource "aws_cloudwatch_event_target" "finding" {
  for_each = local.findings

  rule = aws_cloudwatch_event_rule.finding[each.key].name
  arn  = aws_sns_topic.this[each.value.to].arn

  input_transformer {
    input_paths    = merge(each.value.paths, { account = "$.account", at = "$.time" })
    input_template = "\"<title> (account <account>, <at>): <what>\""
  }
}
