# The bucket's settings.

mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  account      = { id = "111122223333", region = "eu-central-1", partition = "aws" }
  name         = "shelf"
  bucket       = "example-shelf-frames"
  endpoint_ids = ["vpce-0a1b2c3d"]
}

run "frames_are_kept" {
  command = apply

  assert {
    condition     = aws_s3_bucket.frames.object_lock_enabled
    error_message = "Object Lock must be on from the bucket's first day: it cannot be turned on by default later."
  }

  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_object_lock_configuration.frames[0].rule :
      rule.default_retention[0].mode == "COMPLIANCE" && rule.default_retention[0].days == 30
    ]) && length(aws_s3_bucket_object_lock_configuration.frames[0].rule) == 1
    error_message = "New frames must be locked in compliance mode, for 30 days by default."
  }

  assert {
    condition     = aws_s3_bucket_versioning.frames.versioning_configuration[0].status == "Enabled"
    error_message = "Versions must be kept."
  }
}

run "frames_are_encrypted_with_our_key" {
  command = apply

  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_server_side_encryption_configuration.frames.rule :
      rule.bucket_key_enabled &&
      rule.apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms" &&
      rule.apply_server_side_encryption_by_default[0].kms_master_key_id == output.kms_key_arn
    ])
    error_message = "The default encryption must be SSE-KMS with the customer-managed key, and bucket keys on."
  }

  assert {
    condition     = startswith(output.kms_key_arn, "arn:aws:kms:eu-central-1:111122223333:key/")
    error_message = "kms_key_arn must be the full ARN of a key: bucket policies compare it."
  }
}

run "frames_are_nobody_elses" {
  command = apply

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.frames.block_public_acls,
      aws_s3_bucket_public_access_block.frames.block_public_policy,
      aws_s3_bucket_public_access_block.frames.ignore_public_acls,
      aws_s3_bucket_public_access_block.frames.restrict_public_buckets,
    ])
    error_message = "All four blocks of public access must be on."
  }

  assert {
    condition     = aws_s3_bucket_ownership_controls.frames.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "Access control lists must be off."
  }

  assert {
    condition     = length(aws_s3_account_public_access_block.account) == 0
    error_message = "The account's own block is for others to set, unless they say otherwise."
  }
}

run "the_account_too_when_told" {
  command = apply

  variables {
    manage_account_public_access_block = true
  }

  assert {
    condition = alltrue([
      aws_s3_account_public_access_block.account[0].block_public_acls,
      aws_s3_account_public_access_block.account[0].block_public_policy,
      aws_s3_account_public_access_block.account[0].ignore_public_acls,
      aws_s3_account_public_access_block.account[0].restrict_public_buckets,
    ])
    error_message = "All four of the account's blocks must be on."
  }
}

run "frames_get_cheaper_in_time" {
  command = apply

  variables {
    lock_days   = 60
    expire_days = 400
  }

  assert {
    condition = length([
      for rule in aws_s3_bucket_lifecycle_configuration.frames.rule : rule if try(
        rule.filter[0].prefix == "raw/" && one(rule.transition).storage_class == "GLACIER_IR" &&
        one(rule.transition).days == 60 && one(rule.expiration).days == 400 &&
        one(rule.noncurrent_version_expiration).noncurrent_days == 1, false
      )
    ]) == 1
    error_message = "Frames must go to Glacier Instant Retrieval when the lock ends, and be deleted after expire_days, not hidden for longer."
  }

  assert {
    condition = length([
      for rule in aws_s3_bucket_lifecycle_configuration.frames.rule : rule
      if rule.filter[0].prefix == "canary/" && try(one(rule.expiration).days, 0) == 1
    ]) == 1
    error_message = "Canaries must go after a day."
  }

  assert {
    condition = length([
      for rule in aws_s3_bucket_lifecycle_configuration.frames.rule : rule
      if rule.filter[0].prefix == "derived/" && try(one(rule.transition).storage_class, "") == "INTELLIGENT_TIERING" && try(one(rule.expiration).days, 0) == 400
    ]) == 1
    error_message = "What is derived must be in Intelligent-Tiering, and end as frames do."
  }

  assert {
    condition = alltrue(flatten([
      for rule in aws_s3_bucket_lifecycle_configuration.frames.rule : [for v in rule.noncurrent_version_expiration : v.noncurrent_days == 1]
    ]))
    error_message = "Whatever expires must be gone a day later."
  }

  assert {
    condition = length([
      for rule in aws_s3_bucket_lifecycle_configuration.frames.rule : rule
      if try(one(rule.abort_incomplete_multipart_upload).days_after_initiation, 0) == 1
    ]) == 1
    error_message = "What is left of uploads must go after a day."
  }
}

run "who_asked_is_written_down" {
  command = apply

  assert {
    condition     = aws_s3_bucket_logging.frames.target_bucket == "example-shelf-frames-access-logs"
    error_message = "Access logs must go to their own bucket."
  }
}

run "a_trial_has_no_lock" {
  command = apply

  variables {
    lock_days = 0
  }

  assert {
    condition     = length(aws_s3_bucket_object_lock_configuration.frames) == 0
    error_message = "lock_days = 0 must be no lock."
  }

  assert {
    condition     = aws_s3_bucket.frames.object_lock_enabled
    error_message = "A trial must get its lock without another bucket: nothing about the bucket itself may depend on lock_days."
  }
}
