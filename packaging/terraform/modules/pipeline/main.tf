# What happens to a frame once it is in the bucket: S3 tells a queue (queue.tf), a function judges the frame, records it
# (records.tf) and tells a topic. What is no frame is tagged, and alarmed (alarms.tf).

locals {
  name       = "${var.name}-pipeline"
  dns_suffix = var.account.partition == "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com"

  via = { for service in ["s3", "dynamodb", "sns", "sqs"] : service => "${service}.${var.account.region}.${local.dns_suffix}" }

  statements = [
    {
      Sid    = "JudgeFrames"
      Effect = "Allow"
      # By version, too: that is what the message speaks of. The tag says what is no frame.
      Action   = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObjectTagging", "s3:PutObjectVersionTagging"]
      Resource = "${var.bucket_arn}/raw/*"
    },
    {
      Sid       = "DecryptFrames"
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = var.frames_key_arn
      Condition = { StringEquals = { "kms:ViaService" = local.via.s3 } }
    },
    {
      Sid      = "RecordFrames"
      Effect   = "Allow"
      Action   = ["dynamodb:PutItem"]
      Resource = local.table_arn
    },
    {
      Sid      = "TellTheTopic"
      Effect   = "Allow"
      Action   = ["sns:Publish"]
      Resource = local.topic_arn
    },
    {
      Sid      = "TakeFromTheQueue" # Lambda does, in this role's name
      Effect   = "Allow"
      Action   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
      Resource = local.queue_arn
    },
    {
      Sid       = "UseThePlatformsKey" # records, messages in and messages out
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = var.platform_key_arn
      Condition = { StringEquals = { "kms:ViaService" = [local.via.dynamodb, local.via.sns, local.via.sqs] } }
    },
  ]
}

module "function" {
  source = "../function"

  name                    = local.name
  description             = "Judges frames once they are in the bucket"
  account                 = var.account
  package_file            = var.package.file
  image_uri               = var.package.image_uri
  code_signing_config_arn = var.package.code_signing_config_arn
  boundary_arn            = var.boundary_arn
  kms_key_arn             = var.platform_key_arn
  vpc_id                  = var.vpc_id
  subnet_ids              = var.subnet_ids
  security_group_ids      = var.security_group_ids
  statements              = local.statements
  memory                  = var.memory
  timeout                 = local.timeout
  concurrency             = var.concurrency
  log_days                = var.log_days

  environment = {
    SHELF_BACKEND_MODE     = "pipeline"
    SHELF_PIPELINE_BUCKET  = var.bucket
    SHELF_PIPELINE_KMS_KEY = var.frames_key_arn
    SHELF_PIPELINE_TABLE   = aws_dynamodb_table.frames.name
    SHELF_PIPELINE_TOPIC   = aws_sns_topic.frames.arn
  }
}

resource "aws_lambda_event_source_mapping" "frames" {
  event_source_arn = aws_sqs_queue.frames.arn
  function_name    = module.function.name
  batch_size       = 10

  # What could be judged is done; the rest alone comes again.
  function_response_types = ["ReportBatchItemFailures"]

  # Without it five pollers take messages for a function that is throttled, and each try counts. SQS knows no maximum
  # below 2: where the function has less, one of two may be throttled (queue.tf).
  scaling_config {
    maximum_concurrency = max(2, var.concurrency)
  }
}
