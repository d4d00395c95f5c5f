# Who asked the bucket for what. The bucket for that is hardened like the others, with two exceptions that S3 makes: log
# delivery can neither use a key of ours nor write to a bucket with a default lock.

module "access_logs" {
  source = "../bucket"

  name        = "${var.bucket}-access-logs"
  account     = var.account
  expire_days = var.access_log_days

  statements = [{
    Sid       = "S3DeliversAccessLogs"
    Effect    = "Allow"
    Principal = { Service = "logging.s3.amazonaws.com" }
    Action    = "s3:PutObject"
    Resource  = "arn:${var.account.partition}:s3:::${var.bucket}-access-logs/*"
    # Any bucket of this account may log here: the trail's does too.
    Condition = { StringEquals = { "aws:SourceAccount" = var.account.id } }
  }]
}

resource "aws_s3_bucket_logging" "frames" {
  bucket        = aws_s3_bucket.frames.id
  target_bucket = module.access_logs.name
  target_prefix = "${var.bucket}/"

  target_object_key_format {
    partitioned_prefix {
      partition_date_source = "EventTime"
    }
  }
}
