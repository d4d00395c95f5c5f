output "arn" {
  description = "The key's full ARN."
  value       = aws_kms_key.this.arn
}

output "id" {
  description = "The key's id."
  value       = aws_kms_key.this.key_id
}

output "policy" {
  description = "The key policy, JSON."
  value       = aws_kms_key.this.policy
}
