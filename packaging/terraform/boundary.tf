# The permission boundary: no role of this module can do more, whatever is put into its policy one day.

locals {
  boundary_statements = [
    {
      Sid    = "Frames"
      Effect = "Allow"
      Action = [
        "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:PutObjectTagging", "s3:PutObjectVersionTagging",
      ]
      Resource = "${local.bucket_arn}/*"
    },
    {
      Sid      = "Keys"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = [module.storage.kms_key_arn, module.platform_key.arn]
    },
    {
      Sid    = "WhatIsNamedLikeThis"
      Effect = "Allow"
      Action = [
        "dynamodb:BatchGetItem", "dynamodb:PutItem", "secretsmanager:GetSecretValue", "sns:Publish",
        "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage",
      ]
      Resource = [
        "arn:${local.account.partition}:dynamodb:${local.here}:table/${var.name}-*",
        "arn:${local.account.partition}:secretsmanager:${local.here}:secret:${var.name}/*",
        "arn:${local.account.partition}:sns:${local.here}:${var.name}-*",
        "arn:${local.account.partition}:sqs:${local.here}:${var.name}-*",
      ]
    },
    {
      Sid    = "Logs"
      Effect = "Allow"
      Action = [
        "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams",
        "logs:FilterLogEvents", "logs:GetLogEvents", "logs:PutLogEvents",
      ]
      Resource = "arn:${local.account.partition}:logs:${local.here}:log-group:*" # each role's policy says which
    },
    {
      Sid    = "NetworkInterfacesOfFunctions"
      Effect = "Allow"
      Action = [
        "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
      ]
      Resource = "*" # Describe… knows no resources, and Lambda asks for the others before there is an interface to name
    },
    {
      Sid    = "NeverThese"
      Effect = "Deny"
      Action = [
        "iam:*", "kms:CreateGrant", "kms:DisableKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "organizations:*",
        "s3:BypassGovernanceRetention", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:ListBucket",
        "s3:PutBucketPolicy", "s3:PutObjectRetention", "sts:AssumeRole",
      ]
      Resource = "*" # a refusal: the wider the better
    },
  ]
}

resource "aws_iam_policy" "boundary" {
  name        = "${var.name}-boundary"
  description = "The most that any role of ${var.name} can do"
  policy      = jsonencode({ Version = "2012-10-17", Statement = local.boundary_statements })
}
