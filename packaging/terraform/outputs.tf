output "bucket" {
  description = "The bucket for frames: s3.bucket of the backend."
  value       = module.storage.bucket
}

output "kms_key_arn" {
  description = "The key for frames: s3.kms_key_arn of the backend."
  value       = module.storage.kms_key_arn
}

output "s3_endpoint_url" {
  description = "s3.endpoint of the backend; null without a private network."
  value       = one(module.network[*].s3_endpoint_url)
}

output "upload_hosts" {
  description = "upload.hosts of the rigs, by store."
  value = {
    for id, store in module.store : id => "${var.bucket}.${
      trimprefix(coalesce(store.endpoint_url, one(module.network[*].s3_endpoint_url), "https://s3.${local.account.region}.${local.dns_suffix}"), "https://")
    }"
  }
}

output "backend_url" {
  description = "backend.url of the rigs; null without the ticket API."
  value       = one(module.ticket_api[*].url)
}

output "backend_domain_target" {
  description = "What the API's name must be an alias of, where somebody else makes the records."
  value       = one(module.ticket_api[*].domain_target)
}

output "backend_toml" {
  description = "The backend's configuration; null without the ticket API."
  value       = one(module.ticket_api[*].backend_toml)
}

output "ca_secret_arn" {
  description = "The secret that a person puts the authority's key into; null without renewal."
  value       = one(module.ticket_api[*].ca_secret_arn)
}

output "registrar_policy_arn" {
  description = "The policy for the role of those who invite and revoke rigs."
  value       = one(module.ticket_api[*].registrar_policy_arn)
}

output "tables" {
  description = "The DynamoDB tables' names."
  value = {
    frames   = module.pipeline.table.name
    registry = one(module.ticket_api[*].registry.name)
  }
}

output "topic_arn" {
  description = "The topic that is told of every frame."
  value       = module.pipeline.topic_arn
}

output "queue_url" {
  description = "The queue that S3 tells of every frame."
  value       = module.pipeline.queue.url
}

output "dead_queue_url" {
  description = "The queue of what could not be judged."
  value       = module.pipeline.queue.dead_url
}

output "repository_url" {
  description = "Where images of the backend are pushed."
  value       = module.pipeline.repository_url
}

output "alert_topics" {
  description = "Where people are told: urgent, and notices."
  value       = { urgent = module.audit.urgent_topic_arn, notices = module.audit.notices_topic_arn }
}

output "policies" {
  description = "Every policy document, JSON, by what it is the policy of."
  value = merge(
    { for name, policy in module.storage.policies : { bucket = "bucket", key = "key_frames", access_log_bucket = "access_log_bucket" }[name] => policy },
    { boundary = aws_iam_policy.boundary.policy, key_platform = module.platform_key.policy },
    merge([for network in module.network : network.policies]...),
    { for id, store in module.store : "endpoint_store_${id}" => store.policy if store.policy != null },
    merge([for api in module.ticket_api : api.policies]...),
    module.pipeline.policies,
    module.audit.policies,
  )
}
