# The cloud side of a fleet of shelf cameras. Each part is a submodule of its own, with its own tests; here is how they
# fit together, and nothing else. README.md is the runbook.

data "aws_caller_identity" "this" {}
data "aws_region" "this" {}
data "aws_partition" "this" {}

locals {
  account = {
    id        = data.aws_caller_identity.this.account_id
    region    = data.aws_region.this.id
    partition = data.aws_partition.this.partition
  }

  # Known before anything is made: those who must name each other could not wait for each other.
  bucket_arn        = "arn:${local.account.partition}:s3:::${var.bucket}"
  pipeline_role_arn = "arn:${local.account.partition}:iam::${local.account.id}:role/${var.name}-pipeline"
  here              = "${local.account.region}:${local.account.id}"
  private           = var.network != null
}

module "storage" {
  source = "./modules/storage"

  name    = var.name
  account = local.account
  bucket  = var.bucket

  lock_days      = var.lock_days
  expire_days    = var.expire_days
  other_prefixes = var.other_prefixes

  endpoint_ids = concat(
    flatten(module.network[*].s3_endpoint_ids),
    flatten([for store in module.store : store.endpoint_ids]),
  )
  allowed_public_cidrs               = flatten([for store in var.stores : store.public_cidrs])
  reader_arns_outside_endpoints      = local.private ? [] : [local.pipeline_role_arn]
  break_glass_role_arns              = var.break_glass_role_arns
  administrator_arns                 = var.administrator_arns
  macie                              = var.enable_macie
  access_log_days                    = var.audit_days
  manage_account_public_access_block = var.enable_account_public_access_block
}

module "network" {
  source = "./modules/network"
  count  = local.private ? 1 : 0

  name    = var.name
  account = local.account

  cidr               = var.network.cidr
  zones              = var.network.zones
  services           = var.network.services != null ? var.network.services : toset(concat(["sns"], local.renews ? ["secretsmanager"] : []))
  vpn_gateway        = var.network.vpn_gateway
  transit_gateway_id = var.network.transit_gateway_id
  resolver_cidrs     = var.network.resolver_cidrs
  other_client_cidrs = var.network.other_client_cidrs

  bucket_arn         = local.bucket_arn
  shared_stores      = { for id, store in var.stores : id => store.cidrs if !store.dedicated_endpoint }
  dedicated_cidrs    = distinct(flatten([for store in var.stores : store.cidrs if store.dedicated_endpoint]))
  pipeline_role_arns = [local.pipeline_role_arn]
  table_arns         = [for table in ["frames", "registry"] : "arn:${local.account.partition}:dynamodb:${local.here}:table/${var.name}-${table}"]
  topic_arns         = ["arn:${local.account.partition}:sns:${local.here}:${var.name}-frames"]
  secret_arns        = ["arn:${local.account.partition}:secretsmanager:${local.here}:secret:${var.name}/ca-key-??????"] # six letters of AWS's own
  key_arns           = [module.platform_key.arn]
  repository_arns    = ["arn:${local.account.partition}:ecr:${local.account.region}:${local.account.id}:repository/${var.name}-backend"]
  boundary_arn       = aws_iam_policy.boundary.arn
  logs_key_arn       = module.platform_key.arn
  log_days           = var.log_days
}

module "store" {
  source   = "./modules/store"
  for_each = var.stores

  name               = var.name
  store              = each.key
  cidrs              = each.value.cidrs
  dedicated_endpoint = each.value.dedicated_endpoint
  bucket_arn         = local.bucket_arn

  network = !local.private ? null : {
    account_id              = local.account.id
    region                  = local.account.region
    vpc_id                  = module.network[0].vpc_id
    subnet_ids              = module.network[0].subnet_ids
    route_table_id          = module.network[0].route_table_id
    shops_security_group_id = module.network[0].shops_security_group_id
    transit_gateway_id      = var.network.transit_gateway_id
  }
}

locals {
  renews = try(var.ticket_api.renewal, false)

  in_the_network = {
    vpc_id             = one(module.network[*].vpc_id)
    subnet_ids         = flatten(module.network[*].subnet_ids)
    security_group_ids = module.network[*].functions_security_group_id
  }
}

module "ticket_api" {
  source = "./modules/ticket_api"
  count  = var.ticket_api != null ? 1 : 0

  name    = var.name
  account = local.account
  package = var.package

  domain_name                = var.ticket_api.domain_name
  certificate_arn            = var.ticket_api.certificate_arn
  zone_id                    = var.ticket_api.zone_id
  client_ca_pem              = var.ticket_api.client_ca_pem
  trust_domain               = var.ticket_api.trust_domain
  configuration              = var.ticket_api.configuration
  limits                     = var.ticket_api.limits
  concurrency                = var.ticket_api.concurrency
  requests_per_second        = var.ticket_api.requests_per_second
  waf                        = var.ticket_api.waf
  waf_rate                   = var.ticket_api.waf_rate
  countries                  = var.ticket_api.countries
  renewal                    = var.ticket_api.renewal
  rotation_lambda_arn        = var.ticket_api.rotation_lambda_arn
  rotation_role_arns         = var.ticket_api.rotation_role_arns
  manage_api_gateway_account = var.enable_api_gateway_account

  trust_store_bucket    = "${var.bucket}-trust"
  access_log_bucket     = module.storage.access_log_bucket
  bucket                = module.storage.bucket
  bucket_arn            = local.bucket_arn
  frames_key_arn        = module.storage.kms_key_arn
  platform_key_arn      = module.platform_key.arn
  s3_endpoint_url       = one(module.network[*].s3_endpoint_url)
  store_endpoint_urls   = { for id, store in module.store : id => store.endpoint_url }
  notices_topic_arn     = module.audit.notices_topic_arn
  break_glass_role_arns = var.break_glass_role_arns
  boundary_arn          = aws_iam_policy.boundary.arn
  vpc_id                = local.in_the_network.vpc_id
  subnet_ids            = local.in_the_network.subnet_ids
  security_group_ids    = local.in_the_network.security_group_ids
  deletion_protection   = var.deletion_protection
  log_days              = var.log_days
}

module "pipeline" {
  source = "./modules/pipeline"

  name    = var.name
  account = local.account
  package = var.package

  concurrency         = var.pipeline.concurrency
  memory              = var.pipeline.memory
  bucket              = module.storage.bucket
  bucket_arn          = local.bucket_arn
  frames_key_arn      = module.storage.kms_key_arn
  platform_key_arn    = module.platform_key.arn
  urgent_topic_arn    = module.audit.urgent_topic_arn
  notices_topic_arn   = module.audit.notices_topic_arn
  boundary_arn        = aws_iam_policy.boundary.arn
  vpc_id              = local.in_the_network.vpc_id
  subnet_ids          = local.in_the_network.subnet_ids
  security_group_ids  = local.in_the_network.security_group_ids
  deletion_protection = var.deletion_protection
  log_days            = var.log_days
}

module "audit" {
  source = "./modules/audit"

  name    = var.name
  account = local.account

  bucket                = var.bucket
  bucket_arn            = local.bucket_arn
  audit_bucket          = "${var.bucket}-audit"
  access_log_bucket     = module.storage.access_log_bucket
  lock_audit            = var.lock_days > 0
  audit_days            = var.audit_days
  platform_key_arn      = module.platform_key.arn
  boundary_arn          = aws_iam_policy.boundary.arn
  break_glass_role_arns = var.break_glass_role_arns
  pipeline_role_arn     = local.pipeline_role_arn

  functions = concat(module.ticket_api[*].function, [module.pipeline.function])
  queues    = [module.pipeline.queue.name]
  api       = one(module.ticket_api[*].api)
  waf       = one(module.ticket_api[*].waf)

  thresholds          = var.thresholds
  urgent_emails       = var.urgent_emails
  notice_emails       = var.notice_emails
  trail               = var.enable_cloudtrail
  trail_log_group     = var.trail_log_group
  trail_logging       = var.enable_cloudtrail_logging
  guardduty           = var.enable_guardduty
  macie               = var.enable_macie
  securityhub         = var.enable_securityhub
  config              = var.enable_config
  config_service_role = var.enable_config_service_role
}
