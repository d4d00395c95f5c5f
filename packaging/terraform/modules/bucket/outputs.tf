output "name" {
  description = "The bucket's name."
  value       = aws_s3_bucket.this.bucket
}

output "arn" {
  description = "The bucket's ARN."
  value       = local.arn
}

output "lockable" {
  description = "Whether the bucket is made for Object Lock."
  value       = aws_s3_bucket.this.object_lock_enabled
}

# Whoever delivers here has to wait for the policy that lets him.
output "policy" {
  description = "The bucket policy, JSON; known when it is in force."
  value       = aws_s3_bucket_policy.this.policy
}
