# What is known of each frame, for 90 days, and who is told.

locals {
  table     = "${var.name}-frames"
  table_arn = "arn:${var.account.partition}:dynamodb:${var.account.region}:${var.account.id}:table/${local.table}"
  topic     = "${var.name}-frames"
  topic_arn = "arn:${var.account.partition}:sns:${var.account.region}:${var.account.id}:${local.topic}"
}

# The attributes are the program's; a test holds them against its source.
resource "aws_dynamodb_table" "frames" {
  name         = local.table
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "key"

  attribute {
    name = "key"
    type = "S"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.platform_key_arn
  }

  deletion_protection_enabled = var.deletion_protection
}

resource "aws_sns_topic" "frames" {
  name              = local.topic
  kms_master_key_id = var.platform_key_arn
}

resource "aws_sns_topic_policy" "frames" {
  arn = aws_sns_topic.frames.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "ThisAccountSubscribes"
        Effect    = "Allow"
        Principal = { AWS = "arn:${var.account.partition}:iam::${var.account.id}:root" } # as far as a role's own policy allows it too
        Action    = ["sns:GetTopicAttributes", "sns:Publish", "sns:Subscribe"]
        Resource  = local.topic_arn
      },
      {
        Sid       = "DenyPlainHTTP"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sns:Publish"
        Resource  = local.topic_arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}
