output "bucket" {
  description = "The bucket's name."
  value       = aws_s3_bucket.frames.bucket
}

output "bucket_arn" {
  description = "The bucket's ARN."
  value       = local.bucket_arn
}

output "kms_key_arn" {
  description = "The full ARN of the key that every frame must be encrypted with."
  value       = module.key.arn
}

output "access_log_bucket" {
  description = "The bucket for access logs."
  value       = module.access_logs.name
}

output "policies" {
  description = "The policy documents, JSON."
  value = {
    bucket            = aws_s3_bucket_policy.frames.policy
    key               = module.key.policy
    access_log_bucket = module.access_logs.policy
  }
}
