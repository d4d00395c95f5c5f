# The bucket for frames, and what makes it one that keeps them: encrypted with one key, closed to the public, versioned
# and locked. guards.tf has its policy, key.tf the key, lifecycle.tf what becomes of frames in time.

locals {
  bucket_arn = "arn:${var.account.partition}:s3:::${var.bucket}"
  objects    = "${local.bucket_arn}/*"
}

# Always made for a lock, which costs nothing: only lock_days says whether frames have one. A bucket that is made without
# is replaced when it shall have one, and loses its policy before S3 refuses to delete it.
resource "aws_s3_bucket" "frames" {
  bucket              = var.bucket
  object_lock_enabled = true
}

resource "aws_s3_bucket_versioning" "frames" {
  bucket = aws_s3_bucket.frames.id

  versioning_configuration {
    status = "Enabled"
  }
}

# Compliance mode: nobody can shorten it, the account's root user included.
resource "aws_s3_bucket_object_lock_configuration" "frames" {
  count = var.lock_days > 0 ? 1 : 0

  bucket = aws_s3_bucket.frames.id

  rule {
    default_retention {
      mode = "COMPLIANCE"
      days = var.lock_days
    }
  }

  depends_on = [aws_s3_bucket_versioning.frames]
}

resource "aws_s3_bucket_server_side_encryption_configuration" "frames" {
  bucket = aws_s3_bucket.frames.id

  rule {
    # One data key for many frames: without it each PUT and GET is a KMS request, and the encryption context another.
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = module.key.arn
    }
  }
}

resource "aws_s3_bucket_ownership_controls" "frames" {
  bucket = aws_s3_bucket.frames.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "frames" {
  bucket                  = aws_s3_bucket.frames.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# For every bucket of the account, those of others included: behind a switch, because an account has one of these.
resource "aws_s3_account_public_access_block" "account" {
  count = var.manage_account_public_access_block ? 1 : 0

  account_id              = var.account.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}
