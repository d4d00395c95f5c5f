output "function" {
  description = "The function's name."
  value       = module.function.name
}

output "role_arn" {
  description = "The function's role, in whose name tickets are signed."
  value       = module.function.role_arn
}

output "log_group" {
  description = "The function's log, which holds the audit lines."
  value       = module.function.log_group
}

output "api" {
  description = "The API's name and stage, as its metrics call them."
  value       = { name = aws_api_gateway_rest_api.this.name, stage = aws_api_gateway_stage.this.stage_name }
}

output "url" {
  description = "backend.url of the rigs."
  value       = "https://${aws_api_gateway_domain_name.this.domain_name}"
}

output "domain_target" {
  description = "What the name must be an alias of, where somebody else makes the records."
  value       = aws_api_gateway_domain_name.this.regional_domain_name
}

output "registry" {
  description = "The registry's table."
  value       = { name = aws_dynamodb_table.registry.name, arn = local.table_arn }
}

output "registrar_policy_arn" {
  description = "The policy for the role of those who invite and revoke rigs."
  value       = aws_iam_policy.registrar.arn
}

output "ca_secret_arn" {
  description = "The secret for the authority's key; null without renewal."
  value       = one(aws_secretsmanager_secret.ca_key[*].arn)
}

output "backend_toml" {
  description = "The backend's configuration."
  value       = local.backend_toml
}

output "waf" {
  description = "The firewall's name; null without."
  value       = one(aws_wafv2_web_acl.this[*].name)
}

output "policies" {
  description = "The policy documents, JSON."
  value = merge(
    {
      ticket_api         = module.function.policy
      registrar          = aws_iam_policy.registrar.policy
      trust_store_bucket = module.trust_store.policy
    },
    { for policy in aws_secretsmanager_secret_policy.ca_key[*].policy : "ca_key_secret" => policy },
    { for policy in aws_iam_role_policy.gateway_logs[*].policy : "api_gateway_logs" => policy },
  )
}
