# The key for everything but frames: tables, queues, topics, secrets, logs, the functions' environment. Two keys, so
# that whoever may read a log still reads no frame.

locals {
  dns_suffix = local.account.partition == "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com"
  from_here  = { StringEquals = { "aws:SourceAccount" = local.account.id } }

  through_services = [
    for service in ["dynamodb", "ecr", "lambda", "s3", "secretsmanager", "sns", "sqs"] :
    "${service}.${local.account.region}.${local.dns_suffix}"
  ]

  platform_key_statements = [
    {
      Sid       = "RolesUseItThroughServices"
      Effect    = "Allow"
      Principal = { AWS = "arn:${local.account.partition}:iam::${local.account.id}:root" } # as far as a role's own policy allows it too
      Action = [
        "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom", "kms:ReEncryptTo",
      ]
      Resource  = "*" # in a key policy, this key
      Condition = { StringEquals = { "kms:ViaService" = local.through_services, "kms:CallerAccount" = local.account.id } }
    },
    {
      Sid       = "ServicesKeepUsingIt"
      Effect    = "Allow"
      Principal = { AWS = "arn:${local.account.partition}:iam::${local.account.id}:root" }
      Action    = ["kms:CreateGrant"]
      Resource  = "*" # in a key policy, this key
      Condition = {
        StringEquals = { "kms:ViaService" = local.through_services, "kms:CallerAccount" = local.account.id }
        Bool         = { "kms:GrantIsForAWSResource" = "true" }
      }
    },
    {
      Sid       = "LogsOfThisAccount"
      Effect    = "Allow"
      Principal = { Service = "logs.${local.account.region}.${local.dns_suffix}" }
      Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
      Resource  = "*" # in a key policy, this key
      Condition = { ArnLike = {
        "kms:EncryptionContext:aws:logs:arn" = "arn:${local.account.partition}:logs:${local.account.region}:${local.account.id}:log-group:*"
      } }
    },
    {
      Sid       = "OurBucketTellsTheQueue"
      Effect    = "Allow"
      Principal = { Service = "s3.amazonaws.com" }
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = "*" # in a key policy, this key
      Condition = { ArnEquals = { "aws:SourceArn" = local.bucket_arn }, StringEquals = { "aws:SourceAccount" = local.account.id } }
    },
    {
      Sid       = "AlarmsAndBudgetsTellTheTopics"
      Effect    = "Allow"
      Principal = { Service = ["budgets.amazonaws.com", "cloudwatch.amazonaws.com"] }
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = "*" # in a key policy, this key
      Condition = local.from_here
    },
    {
      Sid       = "FindingsTellTheTopics"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = "*" # in a key policy, this key
      # No condition: EventBridge does not say for whom it asks, and with one findings would be lost without a word.
    },
    {
      Sid       = "TheTrailWrites"
      Effect    = "Allow"
      Principal = { Service = "cloudtrail.amazonaws.com" }
      Action    = ["kms:DescribeKey", "kms:GenerateDataKey"]
      Resource  = "*" # in a key policy, this key
      Condition = { StringEquals = { "aws:SourceArn" = "arn:${local.account.partition}:cloudtrail:${local.account.region}:${local.account.id}:trail/${var.name}" } }
    },
    {
      Sid       = "ConfigWrites"
      Effect    = "Allow"
      Principal = { Service = "config.amazonaws.com" }
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = "*" # in a key policy, this key
      Condition = local.from_here
    },
  ]
}

module "platform_key" {
  source = "./modules/key"

  name        = "${var.name}-platform"
  description = "Everything of ${var.name} but frames"
  account     = local.account
  statements  = local.platform_key_statements
}
