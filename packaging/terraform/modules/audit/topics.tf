# Two topics: what cannot wait, and what can. Whoever is on call subscribes to the first.

locals {
  root = "arn:${var.account.partition}:iam::${var.account.id}:root"

  topics = {
    urgent  = "arn:${var.account.partition}:sns:${var.account.region}:${var.account.id}:${var.name}-urgent"
    notices = "arn:${var.account.partition}:sns:${var.account.region}:${var.account.id}:${var.name}-notices"
  }

  subscriptions = merge(
    { for address in var.urgent_emails : "urgent ${address}" => { topic = "urgent", address = address } },
    { for address in var.notice_emails : "notices ${address}" => { topic = "notices", address = address } },
  )
}

resource "aws_sns_topic" "this" {
  for_each = local.topics

  name              = "${var.name}-${each.key}"
  kms_master_key_id = var.platform_key_arn
}

resource "aws_sns_topic_policy" "this" {
  for_each = local.topics

  arn = aws_sns_topic.this[each.key].arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AlarmsAndBudgets"
        Effect    = "Allow"
        Principal = { Service = ["budgets.amazonaws.com", "cloudwatch.amazonaws.com"] }
        Action    = "sns:Publish"
        Resource  = each.value
        Condition = { StringEquals = { "aws:SourceAccount" = var.account.id } }
      },
      {
        Sid       = "Findings"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" } # no condition: it would not be met when the topic is encrypted
        Action    = "sns:Publish"
        Resource  = each.value
      },
      {
        Sid       = "ThisAccountSubscribes"
        Effect    = "Allow"
        Principal = { AWS = local.root } # as far as a role's own policy allows it too
        Action    = ["sns:GetTopicAttributes", "sns:Subscribe"]
        Resource  = each.value
      },
      {
        Sid       = "DenyPlainHTTP"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sns:Publish"
        Resource  = each.value
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_sns_topic_subscription" "email" {
  for_each = local.subscriptions

  topic_arn = aws_sns_topic.this[each.value.topic].arn
  protocol  = "email"
  endpoint  = each.value.address
}
