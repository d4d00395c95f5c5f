# AWS's own watchmen. Many accounts have them centrally: each is behind a switch.

resource "aws_guardduty_detector" "this" {
  count = var.guardduty ? 1 : 0

  enable                       = true
  finding_publishing_frequency = "FIFTEEN_MINUTES"
}

resource "aws_guardduty_detector_feature" "s3" {
  count = var.guardduty ? 1 : 0

  detector_id = aws_guardduty_detector.this[0].id
  name        = "S3_DATA_EVENTS"
  status      = "ENABLED"
}

# It watches the bucket's settings and shares. It cannot look into pictures.
resource "aws_macie2_account" "this" {
  count = var.macie ? 1 : 0

  finding_publishing_frequency = "FIFTEEN_MINUTES"
  status                       = "ENABLED"
}

resource "aws_securityhub_account" "this" {
  count = var.securityhub ? 1 : 0

  enable_default_standards = false
}

resource "aws_securityhub_standards_subscription" "this" {
  for_each = var.securityhub ? {
    fsbp = "arn:${var.account.partition}:securityhub:${var.account.region}::standards/aws-foundational-security-best-practices/v/1.0.0"
    cis  = "arn:${var.account.partition}:securityhub:${var.account.region}::standards/cis-aws-foundations-benchmark/v/3.0.0"
  } : {}

  standards_arn = each.value

  depends_on = [aws_securityhub_account.this]
}
