# Between S3 and the function, so that nothing is forgotten while the function cannot answer.

locals {
  timeout   = 120                           # seconds for ten frames
  tries     = var.concurrency >= 2 ? 5 : 50 # a try that was throttled counts, and with 1 at a time every second one may be
  queue_arn = "arn:${var.account.partition}:sqs:${var.account.region}:${var.account.id}:${local.name}"
}

resource "aws_sqs_queue" "frames" {
  name                       = local.name
  kms_master_key_id          = var.platform_key_arn
  visibility_timeout_seconds = local.timeout * 6 # Lambda's own advice: a throttled batch is tried again within
  message_retention_seconds  = 1209600           # 14 days, the longest there is
  receive_wait_time_seconds  = 20

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = local.tries
  })
}

# What could not be judged in so many tries. An alarm says so; a person looks, and sends it back (README).
resource "aws_sqs_queue" "dead" {
  name                      = "${local.name}-dead"
  kms_master_key_id         = var.platform_key_arn
  message_retention_seconds = 1209600
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  queue_url = aws_sqs_queue.dead.url

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [local.queue_arn]
  })
}

locals {
  queue_policy = {
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OurBucketTells"
        Effect    = "Allow"
        Principal = { Service = "s3.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = local.queue_arn
        Condition = {
          ArnEquals    = { "aws:SourceArn" = var.bucket_arn }
          StringEquals = { "aws:SourceAccount" = var.account.id }
        }
      },
      {
        Sid       = "DenyPlainHTTP"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = local.queue_arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  }
}

resource "aws_sqs_queue_policy" "frames" {
  queue_url = aws_sqs_queue.frames.url
  policy    = jsonencode(local.queue_policy)
}

resource "aws_sqs_queue_policy" "dead" {
  queue_url = aws_sqs_queue.dead.url

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "DenyPlainHTTP"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = "${local.queue_arn}-dead"
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_s3_bucket_notification" "frames" {
  bucket = var.bucket

  queue {
    id            = "frames"
    queue_arn     = local.queue_arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = "raw/"
  }

  depends_on = [aws_sqs_queue_policy.frames] # S3 tries the queue at once
}
