# The function: what it may do, what it is told, what it remembers.

mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  account            = { id = "111122223333", region = "eu-central-1", partition = "aws" }
  name               = "shelf"
  domain_name        = "tickets.example.com"
  certificate_arn    = "arn:aws:acm:eu-central-1:111122223333:certificate/1234abcd-12ab-34cd-56ef-1234567890ab"
  client_ca_pem      = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
  trust_domain       = "shelf.example.com"
  trust_store_bucket = "example-shelf-trust"
  package            = { file = "versions.tf" } # any file: a mock does not look into it
  bucket             = "example-shelf-frames"
  bucket_arn         = "arn:aws:s3:::example-shelf-frames"
  frames_key_arn     = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  platform_key_arn   = "arn:aws:kms:eu-central-1:111122223333:key/ffffabcd-12ab-34cd-56ef-1234567890ab"
  boundary_arn       = "arn:aws:iam::111122223333:policy/shelf-boundary"
  notices_topic_arn  = "arn:aws:sns:eu-central-1:111122223333:shelf-notices"
  vpc_id             = "vpc-0a1b2c3d"
  subnet_ids         = ["subnet-0a", "subnet-0b"]
  security_group_ids = ["sg-0a"]
  waf                = false
}

run "the_backend_may_sign_encrypt_and_remember" {
  command = apply

  assert {
    condition = [for s in jsondecode(output.policies.ticket_api).Statement : [s.Sid, s.Action, s.Resource] if s.Effect == "Allow" && s.Sid != "LambdaAttachesItToTheSubnets" && s.Sid != "WriteItsLog"] == [
      ["SignTickets", ["s3:PutObject"], ["arn:aws:s3:::example-shelf-frames/raw/*", "arn:aws:s3:::example-shelf-frames/canary/*"]],
      ["EncryptFrames", ["kms:GenerateDataKey"], var.frames_key_arn],
      ["AskTheRegistry", ["dynamodb:BatchGetItem", "dynamodb:PutItem"], "arn:aws:dynamodb:eu-central-1:111122223333:table/shelf-registry"],
      ["DecryptTheRegistry", ["kms:Decrypt"], var.platform_key_arn],
      ["ReadTheAuthoritysKey", ["secretsmanager:GetSecretValue"], output.ca_secret_arn],
      ["DecryptTheAuthoritysKey", ["kms:Decrypt"], var.platform_key_arn],
    ]
    error_message = "The backend must be able to do what its program calls and nothing else: not read, list or delete a frame."
  }

  assert {
    condition = [for s in jsondecode(output.policies.ticket_api).Statement : s.Condition.StringEquals["kms:ViaService"] if try(startswith(s.Action[0], "kms:"), false)] == [
      "s3.eu-central-1.amazonaws.com", "dynamodb.eu-central-1.amazonaws.com", "secretsmanager.eu-central-1.amazonaws.com",
    ]
    error_message = "Keys must be used through the services that they are for."
  }
}

run "the_backend_is_told_where_things_are" {
  command = apply

  variables {
    s3_endpoint_url     = "https://bucket.vpce-0a1b2c3d-4e5f6a7b.s3.eu-central-1.vpce.amazonaws.com"
    store_endpoint_urls = { "4711" = "https://bucket.vpce-0e4f5a6b-7c8d9e0f.s3.eu-central-1.vpce.amazonaws.com", "4712" = null }
    limits              = { daily_frames = 5000 }
  }

  assert {
    condition     = output.backend_toml == <<-TOML
      [listen]
      home = "lambda"
      client_ca = "ca.pem"
      [identity]
      trust_domain = "shelf.example.com"
      [s3]
      bucket = "example-shelf-frames"
      region = "eu-central-1"
      kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
      endpoint = "https://bucket.vpce-0a1b2c3d-4e5f6a7b.s3.eu-central-1.vpce.amazonaws.com"
      [s3.stores."4711"]
      endpoint = "https://bucket.vpce-0e4f5a6b-7c8d9e0f.s3.eu-central-1.vpce.amazonaws.com"
      [policy]
      max_cameras = 0
      frames_per_minute = 0
      daily_frames = 5000
      [registry]
      kind = "dynamodb"
      table = "shelf-registry"
      [enrolment]
      url = "https://tickets.example.com"
      ca_certificate = "issuer.pem"
      ca_secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:shelf/ca-key-AbCdEf"
    TOML
    error_message = "The backend's configuration is not what it should be."
  }
}

run "what_is_remembered_is_kept" {
  command = apply

  assert {
    condition     = aws_dynamodb_table.registry.point_in_time_recovery[0].enabled && aws_dynamodb_table.registry.deletion_protection_enabled
    error_message = "A registry that is lost takes its revocations with it."
  }

  assert {
    condition     = aws_dynamodb_table.registry.server_side_encryption[0].enabled && aws_dynamodb_table.registry.server_side_encryption[0].kms_key_arn == var.platform_key_arn
    error_message = "The registry must be encrypted with our key."
  }

  assert {
    condition     = aws_dynamodb_table.registry.ttl[0].enabled && aws_dynamodb_table.registry.ttl[0].attribute_name == "ttl"
    error_message = "Records must end by themselves."
  }
}

run "the_authoritys_key_is_the_backends_alone" {
  command = apply

  variables {
    break_glass_role_arns = ["arn:aws:iam::111122223333:role/break-glass"]
  }

  assert {
    condition     = aws_secretsmanager_secret.ca_key[0].kms_key_id == var.platform_key_arn
    error_message = "The secret must be encrypted with our key."
  }

  assert {
    condition     = alltrue([for s in jsondecode(aws_secretsmanager_secret_policy.ca_key[0].policy).Statement : [s.Effect, s.Principal, s.Action] == ["Deny", "*", "secretsmanager:GetSecretValue"]])
    error_message = "The secret's policy must refuse to read, and allow nothing."
  }

  assert {
    condition = one([for s in jsondecode(aws_secretsmanager_secret_policy.ca_key[0].policy).Statement : s.Condition if s.Sid == "DenyReadingToOthers"]) == {
      ArnNotLike = { "aws:PrincipalArn" = ["arn:aws:iam::111122223333:role/break-glass", "arn:aws:iam::111122223333:role/mocked"] }
    }
    error_message = "Others than the backend and break-glass must not read the authority's key, whatever their policies say."
  }

  assert {
    condition = one([for s in jsondecode(aws_secretsmanager_secret_policy.ca_key[0].policy).Statement : s.Condition if s.Sid == "DenyReadingAwayFromHome"]) == {
      StringNotEquals = { "aws:SourceVpc" = "vpc-0a1b2c3d" }
      ArnNotLike      = { "aws:PrincipalArn" = ["arn:aws:iam::111122223333:role/break-glass"] }
    }
    error_message = "Outside of its network not even the backend's role may read the authority's key."
  }

  assert {
    condition     = aws_cloudwatch_event_rule.rotate[0].schedule_expression == "rate(90 days)" && aws_cloudwatch_event_target.rotate[0].arn == var.notices_topic_arn
    error_message = "Somebody must be told every 90 days to rotate the key."
  }
}

run "where_nobody_is_spared_nobody_is_named" {
  command = apply

  assert {
    condition = one([for s in jsondecode(aws_secretsmanager_secret_policy.ca_key[0].policy).Statement : s.Condition if s.Sid == "DenyReadingAwayFromHome"]) == {
      StringNotEquals = { "aws:SourceVpc" = "vpc-0a1b2c3d" }
    }
    error_message = "An empty list of exceptions must not stand in the policy."
  }
}

run "without_a_network_there_is_no_home" {
  command = apply

  variables {
    vpc_id             = null
    subnet_ids         = []
    security_group_ids = []
  }

  assert {
    condition     = jsondecode(aws_secretsmanager_secret_policy.ca_key[0].policy).Statement[*].Sid == ["DenyReadingToOthers"]
    error_message = "A function outside of any network must be able to read the authority's key."
  }
}

run "a_function_rotates_where_there_is_one" {
  command = apply

  variables {
    rotation_lambda_arn = "arn:aws:lambda:eu-central-1:111122223333:function:rotate"
  }

  assert {
    condition     = aws_secretsmanager_secret_rotation.ca_key[0].rotation_rules[0].automatically_after_days == 90 && length(aws_cloudwatch_event_rule.rotate) == 0
    error_message = "The function must rotate the key every 90 days."
  }
}

run "without_renewal_there_is_no_key" {
  command = apply

  variables {
    renewal = false
  }

  assert {
    condition     = output.ca_secret_arn == null && !strcontains(output.policies.ticket_api, "secretsmanager:GetSecretValue") && !strcontains(output.backend_toml, "enrolment")
    error_message = "A backend that does not renew must not come near the authority's key."
  }
}
