# Who did what, to settings and to frames. Files go to a bucket that is locked itself, lines to a log that alarms read.

locals {
  trail_arn   = "arn:${var.account.partition}:cloudtrail:${var.account.region}:${var.account.id}:trail/${var.name}"
  trail_group = "/${var.name}/trail"
  # Where alarms read: our trail's log or, where the account has a trail already, that one's.
  watched_group = var.trail ? local.trail_group : var.trail_log_group
}

module "trail_bucket" {
  source = "../bucket"

  name              = var.audit_bucket
  account           = var.account
  kms_key_arn       = var.platform_key_arn
  expire_days       = var.audit_days
  lockable          = true
  lock_days         = var.lock_audit ? min(var.audit_days, 365) : 0
  access_log_bucket = var.access_log_bucket

  statements = [
    {
      Sid       = "TrailLooks"
      Effect    = "Allow"
      Principal = { Service = "cloudtrail.amazonaws.com" }
      Action    = "s3:GetBucketAcl"
      Resource  = "arn:${var.account.partition}:s3:::${var.audit_bucket}"
      Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn } }
    },
    {
      Sid       = "TrailWrites"
      Effect    = "Allow"
      Principal = { Service = "cloudtrail.amazonaws.com" }
      Action    = "s3:PutObject"
      Resource  = "arn:${var.account.partition}:s3:::${var.audit_bucket}/trail/AWSLogs/${var.account.id}/*"
      Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn, "s3:x-amz-acl" = "bucket-owner-full-control" } }
    },
  ]
}

resource "aws_cloudwatch_log_group" "trail" {
  count = var.trail ? 1 : 0

  name              = local.trail_group
  retention_in_days = var.audit_days
  kms_key_id        = var.platform_key_arn
}

resource "aws_iam_role" "trail" {
  count = var.trail ? 1 : 0

  name                 = "${var.name}-trail"
  description          = "Lets CloudTrail write its log, and nothing else"
  permissions_boundary = var.boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "cloudtrail.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn } }
    }]
  })
}

resource "aws_iam_role_policy" "trail" {
  count = var.trail ? 1 : 0

  name = "write-the-trail"
  role = aws_iam_role.trail[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "WriteTheTrail"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "arn:${var.account.partition}:logs:${var.account.region}:${var.account.id}:log-group:${local.trail_group}:log-stream:${var.account.id}_CloudTrail_${var.account.region}*"
    }]
  })
}

resource "aws_cloudtrail" "this" {
  count = var.trail ? 1 : 0

  name                          = var.name
  s3_bucket_name                = module.trail_bucket.name
  s3_key_prefix                 = "trail"
  kms_key_id                    = var.platform_key_arn
  enable_logging                = var.trail_logging
  enable_log_file_validation    = true
  is_multi_region_trail         = true
  include_global_service_events = true
  cloud_watch_logs_group_arn    = "${aws_cloudwatch_log_group.trail[0].arn}:*"
  cloud_watch_logs_role_arn     = aws_iam_role.trail[0].arn

  advanced_event_selector {
    name = "settings"

    field_selector {
      field  = "eventCategory"
      equals = ["Management"]
    }
  }

  advanced_event_selector {
    name = "frames"

    field_selector {
      field  = "eventCategory"
      equals = ["Data"]
    }

    field_selector {
      field  = "resources.type"
      equals = ["AWS::S3::Object"]
    }

    field_selector {
      field       = "resources.ARN"
      starts_with = ["${var.bucket_arn}/"]
    }
  }

  depends_on = [module.trail_bucket, aws_iam_role_policy.trail]
}
