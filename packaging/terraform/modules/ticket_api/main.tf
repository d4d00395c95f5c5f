# The backend as a function behind an API Gateway. api.tf has the gateway, domain.tf the name and the client
# certificates, waf.tf the firewall, registry.tf what is remembered, ca_key.tf the authority's key.

locals {
  name = "${var.name}-ticket-api"

  # What the program reads as SHELF_BACKEND_CONFIG. Nothing in it is secret. Lambda takes 4 KB in all; whoever needs
  # more puts backend.toml into the package and sets configuration = "package".
  backend_toml = templatefile("${path.module}/backend.toml.tftpl", {
    trust_domain      = var.trust_domain
    bucket            = var.bucket
    region            = var.account.region
    kms_key_arn       = var.frames_key_arn
    endpoint          = var.s3_endpoint_url
    stores            = { for store, url in var.store_endpoint_urls : store => url if url != null }
    max_cameras       = var.limits.max_cameras
    frames_per_minute = var.limits.frames_per_minute
    daily_frames      = var.limits.daily_frames
    table             = local.table
    ca_secret_arn     = one(aws_secretsmanager_secret.ca_key[*].arn)
    url               = "https://${var.domain_name}"
  })

  # Writing frames is for those who hold a ticket, which is signed in this role's name.
  statements = concat([
    {
      Sid      = "SignTickets"
      Effect   = "Allow"
      Action   = ["s3:PutObject"]
      Resource = [for prefix in ["raw", "canary"] : "${var.bucket_arn}/${prefix}/*"] # frames, and what a doctor tries the way with
    },
    {
      Sid       = "EncryptFrames"
      Effect    = "Allow"
      Action    = ["kms:GenerateDataKey"]
      Resource  = var.frames_key_arn
      Condition = { StringEquals = { "kms:ViaService" = "s3.${var.account.region}.${local.dns_suffix}" } }
    },
    {
      Sid      = "AskTheRegistry"
      Effect   = "Allow"
      Action   = ["dynamodb:BatchGetItem", "dynamodb:PutItem"] # a transaction of Puts needs no more
      Resource = local.table_arn
    },
    {
      Sid       = "DecryptTheRegistry" # DynamoDB asks KMS in the caller's name
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = var.platform_key_arn
      Condition = { StringEquals = { "kms:ViaService" = "dynamodb.${var.account.region}.${local.dns_suffix}" } }
    },
    ], [for arn in aws_secretsmanager_secret.ca_key[*].arn : {
      Sid      = "ReadTheAuthoritysKey"
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = arn
      }], [for arn in aws_secretsmanager_secret.ca_key[*].arn : {
      Sid       = "DecryptTheAuthoritysKey"
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = var.platform_key_arn
      Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${var.account.region}.${local.dns_suffix}" } }
  }])

  dns_suffix = var.account.partition == "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com"
}

module "function" {
  source = "../function"

  name                    = local.name
  description             = "Hands out tickets for frames"
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
  timeout                 = 25 # the gateway gives up at 29 s
  concurrency             = var.concurrency
  log_days                = var.log_days

  environment = merge(
    { SHELF_BACKEND_MODE = "api" },
    var.configuration == "environment" ? { SHELF_BACKEND_CONFIG = local.backend_toml } : {},
  )
}

resource "aws_lambda_permission" "gateway" {
  statement_id   = "OurGatewayCalls"
  action         = "lambda:InvokeFunction"
  function_name  = module.function.name
  principal      = "apigateway.amazonaws.com"
  source_arn     = "${aws_api_gateway_rest_api.this.execution_arn}/${local.stage}/*"
  source_account = var.account.id
}
