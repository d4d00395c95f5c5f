# What becomes of frames in time. S3 does the same to locked versions only once their time is over.

locals {
  window = max(var.lock_days, 30) # S3 moves nothing to Glacier sooner
  # In a bucket with versions, to expire only hides: the bytes go so long after that. The lock outlasts this.
  noncurrent_days = 1
}

resource "aws_s3_bucket_lifecycle_configuration" "frames" {
  bucket = aws_s3_bucket.frames.id

  rule {
    id     = "frames"
    status = "Enabled"

    filter {
      prefix = "raw/"
    }

    transition {
      days          = local.window
      storage_class = "GLACIER_IR"
    }

    dynamic "expiration" {
      for_each = var.expire_days > 0 ? [var.expire_days] : []

      content {
        days = expiration.value
      }
    }

    noncurrent_version_expiration {
      noncurrent_days = local.noncurrent_days
    }
  }

  # With these `shelf-agent doctor` has tried the way. Nobody reads them.
  rule {
    id     = "canaries"
    status = "Enabled"

    filter {
      prefix = "canary/"
    }

    expiration {
      days = 1
    }

    noncurrent_version_expiration {
      noncurrent_days = local.noncurrent_days
    }
  }

  # What others derive from frames is read at times that nobody knows.
  dynamic "rule" {
    for_each = var.other_prefixes

    content {
      id     = "rest-${trim(replace(rule.value, "/", "-"), "-")}"
      status = "Enabled"

      filter {
        prefix = rule.value
      }

      transition {
        days          = 0
        storage_class = "INTELLIGENT_TIERING"
      }

      # What comes of a frame is not kept longer than the frame.
      dynamic "expiration" {
        for_each = var.expire_days > 0 ? [var.expire_days] : []

        content {
          days = expiration.value
        }
      }

      noncurrent_version_expiration {
        noncurrent_days = local.noncurrent_days
      }
    }
  }

  rule {
    id     = "leftovers"
    status = "Enabled"

    filter {}

    expiration {
      expired_object_delete_marker = true
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  lifecycle {
    precondition {
      condition     = var.expire_days == 0 || var.expire_days > var.lock_days
      error_message = "expire_days must be more than lock_days, for which nothing can be deleted, or 0 for never."
    }
  }

  depends_on = [aws_s3_bucket_versioning.frames]
}
