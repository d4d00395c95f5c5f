# AWS Config: whether what was applied is still what is there.

locals {
  # Config's names for what every bucket, key, table, function and role of ours must be, and the types that it has to
  # record for that. Each looks at its types by itself.
  config_rules = {
    bucket-public-read   = { id = "S3_BUCKET_PUBLIC_READ_PROHIBITED", of = ["AWS::S3::Bucket"] }
    bucket-public-write  = { id = "S3_BUCKET_PUBLIC_WRITE_PROHIBITED", of = ["AWS::S3::Bucket"] }
    bucket-tls-only      = { id = "S3_BUCKET_SSL_REQUESTS_ONLY", of = ["AWS::S3::Bucket"] }
    bucket-versioning    = { id = "S3_BUCKET_VERSIONING_ENABLED", of = ["AWS::S3::Bucket"] }
    bucket-block-public  = { id = "S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED", of = ["AWS::S3::Bucket"] }
    bucket-acl           = { id = "S3_BUCKET_ACL_PROHIBITED", of = ["AWS::S3::Bucket"] }
    key-rotation         = { id = "CMK_BACKING_KEY_ROTATION_ENABLED", of = ["AWS::KMS::Key"] }
    key-deletion         = { id = "KMS_CMK_NOT_SCHEDULED_FOR_DELETION", of = ["AWS::KMS::Key"] }
    table-pitr           = { id = "DYNAMODB_PITR_ENABLED", of = ["AWS::DynamoDB::Table"] }
    table-encrypted      = { id = "DYNAMODB_TABLE_ENCRYPTED_KMS", of = ["AWS::DynamoDB::Table"] }
    function-public      = { id = "LAMBDA_FUNCTION_PUBLIC_ACCESS_PROHIBITED", of = ["AWS::Lambda::Function"] }
    function-concurrency = { id = "LAMBDA_CONCURRENCY_CHECK", of = ["AWS::Lambda::Function"] }
    policy-admin         = { id = "IAM_POLICY_NO_STATEMENTS_WITH_ADMIN_ACCESS", of = ["AWS::IAM::Policy"] }
    default-group-closed = { id = "VPC_DEFAULT_SECURITY_GROUP_CLOSED", of = ["AWS::EC2::SecurityGroup"] }
    vpc-flow-logs        = { id = "VPC_FLOW_LOGS_ENABLED", of = ["AWS::EC2::VPC"] }
    trail-validation     = { id = "CLOUD_TRAIL_LOG_FILE_VALIDATION_ENABLED", of = [] }
    trail-encrypted      = { id = "CLOUD_TRAIL_ENCRYPTION_ENABLED", of = [] }
    secret-rotation      = { id = "SECRETSMANAGER_ROTATION_ENABLED_CHECK", of = ["AWS::SecretsManager::Secret"] }
    topic-encrypted      = { id = "SNS_ENCRYPTED_KMS", of = ["AWS::SNS::Topic"] }
  }

  recorded = sort(distinct(flatten([for rule in local.config_rules : rule.of])))
}

# Config cannot deliver to a bucket with a default lock, so that the trail's will not do.
module "config_bucket" {
  source = "../bucket"
  count  = var.config ? 1 : 0

  name              = "${var.audit_bucket}-config"
  account           = var.account
  kms_key_arn       = var.platform_key_arn
  expire_days       = var.audit_days
  access_log_bucket = var.access_log_bucket

  statements = concat(
    [for action in ["s3:GetBucketAcl", "s3:ListBucket"] : {
      Sid       = "ConfigLooks${substr(action, 3, 3)}"
      Effect    = "Allow"
      Principal = { Service = "config.amazonaws.com" }
      Action    = action
      Resource  = "arn:${var.account.partition}:s3:::${var.audit_bucket}-config"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account.id } }
    }],
    [{
      Sid       = "ConfigWrites"
      Effect    = "Allow"
      Principal = { Service = "config.amazonaws.com" }
      Action    = "s3:PutObject"
      Resource  = "arn:${var.account.partition}:s3:::${var.audit_bucket}-config/AWSLogs/${var.account.id}/Config/*"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account.id, "s3:x-amz-acl" = "bucket-owner-full-control" } }
    }],
  )
}

resource "aws_iam_service_linked_role" "config" {
  count = var.config && var.config_service_role ? 1 : 0

  aws_service_name = "config.amazonaws.com"
}

resource "aws_config_configuration_recorder" "this" {
  count = var.config ? 1 : 0

  name     = var.name
  role_arn = "arn:${var.account.partition}:iam::${var.account.id}:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"

  # Only what the rules look at: each recorded change costs.
  recording_group {
    all_supported                 = false
    include_global_resource_types = false
    resource_types                = local.recorded
  }

  depends_on = [aws_iam_service_linked_role.config]
}

resource "aws_config_delivery_channel" "this" {
  count = var.config ? 1 : 0

  name           = var.name
  s3_bucket_name = module.config_bucket[0].name
  s3_kms_key_arn = var.platform_key_arn

  depends_on = [aws_config_configuration_recorder.this, module.config_bucket]
}

resource "aws_config_configuration_recorder_status" "this" {
  count = var.config ? 1 : 0

  name       = aws_config_configuration_recorder.this[0].name
  is_enabled = true

  depends_on = [aws_config_delivery_channel.this]
}

resource "aws_config_config_rule" "this" {
  for_each = { for name, rule in local.config_rules : name => rule if var.config }

  name = "${var.name}-${each.key}"

  source {
    owner             = "AWS"
    source_identifier = each.value.id
  }

  depends_on = [aws_config_configuration_recorder_status.this]
}
