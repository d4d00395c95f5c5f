# The bucket's policy and the key's, word by word.

mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  account               = { id = "111122223333", region = "eu-central-1", partition = "aws" }
  name                  = "shelf"
  bucket                = "example-shelf-frames"
  endpoint_ids          = ["vpce-0a1b2c3d", "vpce-0e4f5a6b"]
  break_glass_role_arns = ["arn:aws:iam::111122223333:role/break-glass"]
}

run "whatever_a_role_may_the_bucket_refuses" {
  command = apply

  assert {
    condition     = alltrue([for s in jsondecode(aws_s3_bucket_policy.frames.policy).Statement : s.Effect == "Deny" && s.Principal == "*"])
    error_message = "The policy must refuse, and allow nothing."
  }

  assert {
    condition = one([for s in jsondecode(aws_s3_bucket_policy.frames.policy).Statement : s if s.Sid == "DenyPlainHTTP"]) == {
      Sid       = "DenyPlainHTTP", Effect = "Deny", Principal = "*", Action = "s3:*"
      Resource  = ["arn:aws:s3:::example-shelf-frames", "arn:aws:s3:::example-shelf-frames/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }
    error_message = "Plain HTTP must be refused to the bucket and all its objects."
  }

  assert {
    condition = one([for s in jsondecode(aws_s3_bucket_policy.frames.policy).Statement : [s.Action, s.Resource, s.Condition] if s.Sid == "DenyOldTLS"]) == [
      "s3:*", ["arn:aws:s3:::example-shelf-frames", "arn:aws:s3:::example-shelf-frames/*"],
      { NumericLessThan = { "s3:TlsVersion" = "1.2" } },
    ]
    error_message = "TLS below 1.2 must be refused."
  }

  assert {
    condition = one([for s in jsondecode(aws_s3_bucket_policy.frames.policy).Statement : [s.Action, s.Resource, s.Condition] if s.Sid == "DenyOldSignatures"]) == [
      "s3:*", ["arn:aws:s3:::example-shelf-frames", "arn:aws:s3:::example-shelf-frames/*"],
      { NumericGreaterThan = { "s3:signatureAge" = "900000" } },
    ]
    error_message = "A signature older than 15 minutes must be refused, whatever expiry was signed."
  }

  assert {
    condition = one([for s in jsondecode(aws_s3_bucket_policy.frames.policy).Statement : [s.Action, s.Resource, s.Condition] if s.Sid == "DenyOtherSignatures"]) == [
      "s3:*", ["arn:aws:s3:::example-shelf-frames", "arn:aws:s3:::example-shelf-frames/*"],
      { StringNotEquals = { "s3:signatureversion" = "AWS4-HMAC-SHA256" }, BoolIfExists = { "aws:PrincipalIsAWSService" = "false" } },
    ]
    error_message = "Whatever is not Signature Version 4 must be refused."
  }

  assert {
    condition = one([for s in jsondecode(aws_s3_bucket_policy.frames.policy).Statement : [s.Action, s.Resource, s.Condition] if s.Sid == "DenyOtherEncryption"]) == [
      "s3:PutObject", "arn:aws:s3:::example-shelf-frames/*",
      { StringNotEquals = { "s3:x-amz-server-side-encryption" = "aws:kms" } },
    ]
    error_message = "A PUT that does not ask for SSE-KMS must be refused."
  }

  assert {
    condition = one([for s in jsondecode(aws_s3_bucket_policy.frames.policy).Statement : [s.Action, s.Resource, s.Condition] if s.Sid == "DenyOtherKeys"]) == [
      "s3:PutObject", "arn:aws:s3:::example-shelf-frames/*",
      { StringNotEquals = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = output.kms_key_arn } },
    ]
    error_message = "A PUT with another key, or without one, must be refused."
  }

  assert {
    condition = one([for s in jsondecode(aws_s3_bucket_policy.frames.policy).Statement : [s.Action, s.Resource, s.Condition] if s.Sid == "DenyOverwriting"]) == [
      "s3:PutObject", "arn:aws:s3:::example-shelf-frames/*", { Null = { "s3:if-none-match" = "true" } },
    ]
    error_message = "A PUT without if-none-match must be refused."
  }

  assert {
    condition = one([for s in jsondecode(aws_s3_bucket_policy.frames.policy).Statement : [s.Action, s.NotResource] if s.Sid == "DenyOtherPrefixes"]) == [
      "s3:PutObject", ["arn:aws:s3:::example-shelf-frames/raw/*", "arn:aws:s3:::example-shelf-frames/canary/*", "arn:aws:s3:::example-shelf-frames/derived/*"],
    ]
    error_message = "Nothing may be written beside raw/, canary/ and the prefixes that were named."
  }

  assert {
    condition = one([for s in jsondecode(aws_s3_bucket_policy.frames.policy).Statement : s.Condition if s.Sid == "DenyAwayFromHome"]) == {
      StringNotEquals = { "aws:SourceVpce" = ["vpce-0a1b2c3d", "vpce-0e4f5a6b"] }
      BoolIfExists    = { "aws:PrincipalIsAWSService" = ["false"] }
      ArnNotLike      = { "aws:PrincipalArn" = ["arn:aws:iam::111122223333:role/break-glass"] }
    }
    error_message = "Whatever comes not through our endpoints must be refused, but for AWS's services and break-glass."
  }

  assert {
    condition = alltrue([
      for action in ["s3:GetObject*", "s3:PutObject*", "s3:DeleteObject*", "s3:ListBucketVersions"] : contains(
        one([for s in jsondecode(aws_s3_bucket_policy.frames.policy).Statement : s.Action if s.Sid == "DenyAwayFromHome"]), action
      )
    ])
    error_message = "Away from home frames must be neither read, written nor deleted."
  }

  assert {
    condition = one([for s in jsondecode(aws_s3_bucket_policy.frames.policy).Statement : s if s.Sid == "DenyReplicatingHither"]) == {
      Sid      = "DenyReplicatingHither", Effect = "Deny", Principal = "*"
      Action   = ["s3:ReplicateDelete", "s3:ReplicateObject", "s3:ReplicateTags"]
      Resource = "arn:aws:s3:::example-shelf-frames/*"
    }
    error_message = "Replication must not write, delete or tag past the other refusals, whoever set it up."
  }

  assert {
    condition = one([for s in jsondecode(aws_s3_bucket_policy.frames.policy).Statement : [s.Action, s.Resource, s.Condition] if s.Sid == "DenyForeignAccounts"]) == [
      "s3:*", ["arn:aws:s3:::example-shelf-frames", "arn:aws:s3:::example-shelf-frames/*"],
      { StringNotEquals = { "aws:PrincipalAccount" = "111122223333" }, BoolIfExists = { "aws:PrincipalIsAWSService" = "false" } },
    ]
    error_message = "Other accounts must be refused."
  }

  assert {
    condition = alltrue([
      for action in ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention", "s3:PutObjectRetention"] : contains(
        one([for s in jsondecode(aws_s3_bucket_policy.frames.policy).Statement : s.Action if s.Sid == "DenyDeleting"]), action
      )
      ]) && one([for s in jsondecode(aws_s3_bucket_policy.frames.policy).Statement : s.Condition if s.Sid == "DenyDeleting"]) == {
      ArnNotLike = { "aws:PrincipalArn" = ["arn:aws:iam::111122223333:role/break-glass"] }
    }
    error_message = "Nobody but break-glass may delete, nor touch the lock."
  }

  assert {
    condition     = length([for s in jsondecode(aws_s3_bucket_policy.frames.policy).Statement : s if contains(["DenyChangingSettings", "DenyListingAwayFromHome"], s.Sid)]) == 0
    error_message = "Without a list of administrators nobody may be locked out of the settings."
  }
}

run "settings_are_the_administrators" {
  command = apply

  variables {
    administrator_arns = ["arn:aws:iam::111122223333:role/deployer"]
  }

  assert {
    condition = one([for s in jsondecode(aws_s3_bucket_policy.frames.policy).Statement : s.Condition if s.Sid == "DenyChangingSettings"]) == {
      ArnNotLike = { "aws:PrincipalArn" = ["arn:aws:iam::111122223333:role/break-glass", "arn:aws:iam::111122223333:role/deployer"] }
    }
    error_message = "Only administrators and break-glass may change the bucket's settings."
  }

  assert {
    condition = one([for s in jsondecode(aws_s3_bucket_policy.frames.policy).Statement : [s.Action, s.Condition] if s.Sid == "DenyListingAwayFromHome"]) == [
      ["s3:ListBucket"],
      {
        StringNotEquals = { "aws:SourceVpce" = ["vpce-0a1b2c3d", "vpce-0e4f5a6b"] }
        BoolIfExists    = { "aws:PrincipalIsAWSService" = ["false"] }
        ArnNotLike      = { "aws:PrincipalArn" = ["arn:aws:iam::111122223333:role/break-glass", "arn:aws:iam::111122223333:role/deployer"] }
      },
    ]
    error_message = "Away from home only administrators and break-glass may list: Terraform looks for the bucket by the same permission."
  }

  assert {
    condition     = !contains(one([for s in jsondecode(aws_s3_bucket_policy.frames.policy).Statement : s.Action if s.Sid == "DenyAwayFromHome"]), "s3:ListBucket")
    error_message = "Whoever applies this must not lock himself out."
  }
}

run "without_break_glass_nobody_deletes" {
  command = apply

  variables {
    break_glass_role_arns = []
  }

  assert {
    condition     = one([for s in jsondecode(aws_s3_bucket_policy.frames.policy).Statement : lookup(s, "Condition", null) if s.Sid == "DenyDeleting"]) == null
    error_message = "Without a break-glass role the refusal to delete must be for everybody."
  }

  assert {
    condition     = !can(one([for s in jsondecode(aws_s3_bucket_policy.frames.policy).Statement : s.Condition.ArnNotLike if s.Sid == "DenyAwayFromHome"]))
    error_message = "An empty list of exceptions must not stand in the policy."
  }
}

run "shops_on_the_internet_come_from_their_addresses" {
  command = apply

  variables {
    endpoint_ids         = []
    allowed_public_cidrs = ["203.0.113.7/32"]
  }

  assert {
    condition = one([for s in jsondecode(aws_s3_bucket_policy.frames.policy).Statement : s.Condition if s.Sid == "DenyAwayFromHome"]) == {
      NotIpAddress = { "aws:SourceIp" = ["203.0.113.7/32"] }
      BoolIfExists = { "aws:PrincipalIsAWSService" = ["false"] }
      ArnNotLike   = { "aws:PrincipalArn" = ["arn:aws:iam::111122223333:role/break-glass"] }
    }
    error_message = "Without endpoints, only the shops' own addresses are at home."
  }
}

run "the_key_serves_this_bucket_through_s3" {
  command = apply

  assert {
    condition = one([for s in jsondecode(output.policies.key).Statement : [s.Principal, s.Action, s.Condition] if s.Sid == "UseThroughS3ForThisBucket"]) == [
      { AWS = "arn:aws:iam::111122223333:root" }, ["kms:Decrypt", "kms:GenerateDataKey"],
      { StringEquals = {
        "kms:ViaService"                   = "s3.eu-central-1.amazonaws.com"
        "kms:CallerAccount"                = "111122223333"
        "kms:EncryptionContext:aws:s3:arn" = "arn:aws:s3:::example-shelf-frames"
      } },
    ]
    error_message = "The key must serve this bucket alone, through S3."
  }

  assert {
    condition     = !strcontains(output.policies.key, "aws:SourceVpc")
    error_message = "The key must not be bound to an endpoint: S3's own calls would fail."
  }

  assert {
    condition = alltrue([
      for s in jsondecode(output.policies.key).Statement : s.Sid == "UseThroughS3ForThisBucket" || alltrue([
        for action in s.Action : !contains(["kms:*", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:CreateGrant"], action)
      ])
    ])
    error_message = "Whoever administers the key must not be able to read with it."
  }
}

run "macie_reads_when_told" {
  command = apply

  variables {
    macie = true
  }

  assert {
    condition     = one([for s in jsondecode(output.policies.key).Statement : s.Condition.ArnEquals["aws:PrincipalArn"] if s.Sid == "MacieReads"]) == "arn:aws:iam::111122223333:role/aws-service-role/macie.amazonaws.com/AWSServiceRoleForAmazonMacie"
    error_message = "Macie's own role must be able to decrypt."
  }

  assert {
    condition = contains(
      one([for s in jsondecode(aws_s3_bucket_policy.frames.policy).Statement : s.Condition.ArnNotLike["aws:PrincipalArn"] if s.Sid == "DenyAwayFromHome"]),
      "arn:aws:iam::111122223333:role/aws-service-role/macie.amazonaws.com/AWSServiceRoleForAmazonMacie"
    )
    error_message = "Macie does not come through our endpoints, and must not be refused for that."
  }
}

run "access_logs_come_from_s3_alone" {
  command = apply

  assert {
    condition = one([for s in jsondecode(output.policies.access_log_bucket).Statement : [s.Principal, s.Action, s.Resource, s.Condition] if s.Effect == "Allow"]) == [
      { Service = "logging.s3.amazonaws.com" }, "s3:PutObject", "arn:aws:s3:::example-shelf-frames-access-logs/*",
      { StringEquals = { "aws:SourceAccount" = "111122223333" } },
    ]
    error_message = "S3 must be able to deliver this account's logs, and nobody else anything."
  }
}
