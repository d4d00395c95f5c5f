# The key for frames alone. It is not bound to an endpoint: S3 itself calls KMS, and not through ours.

locals {
  dns_suffix = var.account.partition == "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com"

  # Through S3, for this bucket. With bucket keys the encryption context is the bucket's ARN; an upload that turned
  # them off would bring the object's, and is refused.
  through_s3 = {
    "kms:ViaService"                   = "s3.${var.account.region}.${local.dns_suffix}"
    "kms:CallerAccount"                = var.account.id
    "kms:EncryptionContext:aws:s3:arn" = local.bucket_arn
  }

  # Macie reads through its own role, whose policy does not name keys, and not through our endpoints.
  macie_arns = var.macie ? [
    "arn:${var.account.partition}:iam::${var.account.id}:role/aws-service-role/macie.amazonaws.com/AWSServiceRoleForAmazonMacie"
  ] : []

  key_use = {
    Sid       = "UseThroughS3ForThisBucket"
    Effect    = "Allow"
    Principal = { AWS = "arn:${var.account.partition}:iam::${var.account.id}:root" } # as far as a role's own policy allows it too
    Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
    Resource  = "*" # in a key policy, this key
    Condition = { StringEquals = local.through_s3 }
  }

  macie_use = [for arn in local.macie_arns : {
    Sid       = "MacieReads"
    Effect    = "Allow"
    Principal = { AWS = "*" } # a role that is not there yet cannot be named as principal; the condition names it
    Action    = ["kms:Decrypt"]
    Resource  = "*" # in a key policy, this key
    Condition = { ArnEquals = { "aws:PrincipalArn" = arn } }
  }]
}

module "key" {
  source = "../key"

  name        = "${var.name}-frames"
  description = "Frames in s3://${var.bucket}"
  account     = var.account
  statements  = concat([local.key_use], local.macie_use)
}
