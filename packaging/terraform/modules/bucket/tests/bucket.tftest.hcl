mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  account = { id = "111122223333", region = "eu-central-1", partition = "aws" }
  name    = "example-logs"
}

run "a_bucket_for_logs_is_closed" {
  command = apply

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "All four blocks of public access must be on."
  }

  assert {
    condition = (
      aws_s3_bucket_ownership_controls.this.rule[0].object_ownership == "BucketOwnerEnforced" &&
      aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    )
    error_message = "Access control lists must be off and versions kept."
  }

  assert {
    condition = toset([for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s.Sid if s.Effect == "Deny"]) == toset([
      "DenyPlainHTTP", "DenyOldTLS", "DenyForeignAccounts",
    ])
    error_message = "Plain HTTP, old TLS and other accounts must be refused."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "Without a key it must be encrypted all the same."
  }

  assert {
    condition     = !aws_s3_bucket.this.object_lock_enabled
    error_message = "Access logs cannot be delivered to a bucket that is made for Object Lock."
  }
}

run "with_a_key_and_a_lock" {
  command = apply

  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    lockable    = true
    lock_days   = 365
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).kms_master_key_id == var.kms_key_arn
    error_message = "The key must be used."
  }

  assert {
    condition     = [for r in aws_s3_bucket_object_lock_configuration.this[0].rule : "${one(r.default_retention).mode} ${one(r.default_retention).days}"] == ["COMPLIANCE 365"]
    error_message = "The lock must be in compliance mode."
  }
}

run "the_lock_of_a_lockable_bucket_can_come_later" {
  command = apply

  variables {
    lockable = true
  }

  assert {
    condition     = aws_s3_bucket.this.object_lock_enabled && length(aws_s3_bucket_object_lock_configuration.this) == 0
    error_message = "A lockable bucket must be one without lock_days, too: otherwise the first lock is another bucket."
  }
}
