output "name" {
  description = "The function's name; known once it is there."
  value       = aws_lambda_function.this.function_name
}

output "arn" {
  description = "The function's ARN."
  value       = local.arn
}

output "invoke_arn" {
  description = "The ARN by which an API Gateway calls it."
  value       = aws_lambda_function.this.invoke_arn
}

output "role_arn" {
  description = "The ARN of its role."
  value       = aws_iam_role.this.arn
}

output "log_group" {
  description = "The name of its log group."
  value       = aws_cloudwatch_log_group.this.name
}

output "policy" {
  description = "The policy of its role, JSON."
  value       = aws_iam_role_policy.this.policy
}
