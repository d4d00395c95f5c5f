# The bucket policy: nothing but refusals. Who may do something is said by the roles' own policies; what nobody may,
# whatever his policies say, is said here. Tickets are presigned URLs, so that a stolen one meets these as well.

locals {
  # A request is at home when it came through one of the endpoints or, where shops have no private line, from their
  # addresses. Negated conditions hold when a key is absent, and all of them together are needed to refuse.
  away_from_home = {
    for operator, keys in {
      StringNotEquals = { "aws:SourceVpce" = sort(var.endpoint_ids) }
      NotIpAddress    = { "aws:SourceIp" = sort(var.allowed_public_cidrs) }
      # AWS's own services come through no endpoint of ours. The key is absent from anonymous requests.
      BoolIfExists = { "aws:PrincipalIsAWSService" = ["false"] }
      ArnNotLike   = { "aws:PrincipalArn" = sort(concat(var.break_glass_role_arns, var.reader_arns_outside_endpoints, local.macie_arns)) }
    } : operator => keys if length(one(values(keys))) > 0
  }

  but_break_glass = length(var.break_glass_role_arns) == 0 ? {} : {
    ArnNotLike = { "aws:PrincipalArn" = sort(var.break_glass_role_arns) }
  }

  # A condition that is empty is left out of the policy: the refusal is then for everybody.
  guards = {
    # shelf-backend check looks for exactly this one.
    DenyPlainHTTP = {
      Action    = "s3:*"
      Resource  = [local.bucket_arn, local.objects]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }
    DenyOldTLS = {
      Action    = "s3:*"
      Resource  = [local.bucket_arn, local.objects]
      Condition = { NumericLessThan = { "s3:TlsVersion" = "1.2" } }
    }
    # Milliseconds. It counts for presigned URLs, whatever expiry was signed into them.
    DenyOldSignatures = {
      Action    = "s3:*"
      Resource  = [local.bucket_arn, local.objects]
      Condition = { NumericGreaterThan = { "s3:signatureAge" = "900000" } }
    }
    DenyOtherSignatures = {
      Action   = "s3:*"
      Resource = [local.bucket_arn, local.objects]
      Condition = {
        StringNotEquals = { "s3:signatureversion" = "AWS4-HMAC-SHA256" }
        BoolIfExists    = { "aws:PrincipalIsAWSService" = "false" }
      }
    }
    # Absent counts as other: the bucket's default encryption would help, but a ticket that does not say it is not ours.
    DenyOtherEncryption = {
      Action    = "s3:PutObject"
      Resource  = local.objects
      Condition = { StringNotEquals = { "s3:x-amz-server-side-encryption" = "aws:kms" } }
    }
    DenyOtherKeys = {
      Action    = "s3:PutObject"
      Resource  = local.objects
      Condition = { StringNotEquals = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = module.key.arn } }
    }
    # It ends multipart uploads and copies as well, which nobody needs here.
    DenyOverwriting = {
      Action    = "s3:PutObject"
      Resource  = local.objects
      Condition = { Null = { "s3:if-none-match" = "true" } }
    }
    DenyOtherPrefixes = {
      Action      = "s3:PutObject"
      NotResource = [for prefix in concat(["raw/", "canary/"], var.other_prefixes) : "${local.bucket_arn}/${prefix}*"]
    }
    # Replication writes, deletes and tags by actions of its own, which the refusals above and below do not name. Nothing
    # is replicated into this bucket.
    DenyReplicatingHither = {
      Action   = ["s3:ReplicateDelete", "s3:ReplicateObject", "s3:ReplicateTags"]
      Resource = local.objects
    }
    # What touches frames. Settings can be read and changed from elsewhere, or nobody could mend an endpoint.
    DenyAwayFromHome = {
      Action = [
        "s3:AbortMultipartUpload", "s3:DeleteObject*", "s3:GetObject*", "s3:ListBucketMultipartUploads",
        "s3:ListBucketVersions", "s3:ListMultipartUploadParts", "s3:PutObject*", "s3:RestoreObject",
      ]
      Resource  = [local.bucket_arn, local.objects]
      Condition = local.away_from_home
    }
    DenyForeignAccounts = {
      Action   = "s3:*"
      Resource = [local.bucket_arn, local.objects]
      Condition = {
        StringNotEquals = { "aws:PrincipalAccount" = var.account.id }
        BoolIfExists    = { "aws:PrincipalIsAWSService" = "false" }
      }
    }
    # Lifecycle rules are not asked; versions under Object Lock stay whoever asks.
    DenyDeleting = {
      Action = [
        "s3:BypassGovernanceRetention", "s3:DeleteObject", "s3:DeleteObjectTagging", "s3:DeleteObjectVersion",
        "s3:DeleteObjectVersionTagging", "s3:PutObjectLegalHold", "s3:PutObjectRetention",
      ]
      Resource  = local.objects
      Condition = local.but_break_glass
    }
  }

  administrators = sort(concat(var.administrator_arns, var.break_glass_role_arns))

  # Only with a list of those who may: otherwise whoever applies this would lock himself out. To list is here, because
  # Terraform asks whether the bucket is there by a HEAD, for which S3 wants the same permission.
  for_administrators = {
    DenyListingAwayFromHome = {
      Action   = ["s3:ListBucket"]
      Resource = local.bucket_arn
      Condition = merge(local.away_from_home, {
        ArnNotLike = { "aws:PrincipalArn" = sort(distinct(concat(local.administrators, local.macie_arns))) }
      })
    }
    DenyChangingSettings = {
      Action = [
        "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:PutBucketAcl", "s3:PutBucketLogging", "s3:PutBucketNotification",
        "s3:PutBucketObjectLockConfiguration", "s3:PutBucketOwnershipControls", "s3:PutBucketPolicy",
        "s3:PutBucketPublicAccessBlock", "s3:PutBucketVersioning", "s3:PutEncryptionConfiguration",
        "s3:PutLifecycleConfiguration", "s3:PutReplicationConfiguration",
      ]
      Resource = local.bucket_arn
      Condition = {
        ArnNotLike = { "aws:PrincipalArn" = local.administrators }
      }
    }
  }

  settings_guards = { for sid, guard in local.for_administrators : sid => guard if length(var.administrator_arns) > 0 }

  bucket_policy = {
    Version = "2012-10-17"
    Statement = [
      for sid, guard in merge(local.guards, local.settings_guards) : merge(
        { Sid = sid, Effect = "Deny", Principal = "*" },
        { for key, value in guard : key => value if key != "Condition" || length(value) > 0 },
      )
    ]
  }
}

resource "aws_s3_bucket_policy" "frames" {
  bucket = aws_s3_bucket.frames.id
  policy = jsonencode(local.bucket_policy)

  # A policy that S3 thinks public is refused once the block is there: the order shows a mistake at once.
  depends_on = [aws_s3_bucket_public_access_block.frames]

  lifecycle {
    precondition {
      condition     = length(var.endpoint_ids) + length(var.allowed_public_cidrs) > 0
      error_message = "Frames would have no way in: give endpoint_ids, or for shops without a private line allowed_public_cidrs."
    }
  }
}
