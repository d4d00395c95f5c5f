mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  account            = { id = "111122223333", region = "eu-central-1", partition = "aws" }
  name               = "shelf-pipeline"
  description        = "Checks frames"
  package_file       = "versions.tf" # any file: a mock does not look into it
  environment        = { SHELF_BACKEND_MODE = "pipeline" }
  statements         = [{ Sid = "Publish", Effect = "Allow", Action = ["sns:Publish"], Resource = "arn:aws:sns:eu-central-1:111122223333:shelf" }]
  boundary_arn       = "arn:aws:iam::111122223333:policy/shelf-boundary"
  kms_key_arn        = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  vpc_id             = "vpc-0a1b2c3d"
  subnet_ids         = ["subnet-0a", "subnet-0b"]
  security_group_ids = ["sg-0a"]
  timeout            = 30
  concurrency        = 5
  log_days           = 30
}

run "a_function_is_bounded_and_private" {
  command = apply

  assert {
    condition     = aws_lambda_function.this.architectures == tolist(["arm64"]) && aws_lambda_function.this.runtime == "provided.al2023" && aws_lambda_function.this.handler == "bootstrap"
    error_message = "It must be the arm64 program bootstrap."
  }

  assert {
    condition     = aws_lambda_function.this.reserved_concurrent_executions == 5
    error_message = "Its concurrency must be reserved, and bounded."
  }

  assert {
    condition     = aws_lambda_function.this.kms_key_arn == var.kms_key_arn && aws_cloudwatch_log_group.this.kms_key_id == var.kms_key_arn
    error_message = "Environment and log must be encrypted with our key."
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.retention_in_days == 30
    error_message = "The log must end some day."
  }

  assert {
    condition     = aws_lambda_function.this.vpc_config[0].subnet_ids == toset(["subnet-0a", "subnet-0b"])
    error_message = "It must be in the private subnets."
  }
}

run "a_role_is_for_one_function_and_little" {
  command = apply

  assert {
    condition     = aws_iam_role.this.permissions_boundary == var.boundary_arn
    error_message = "The role must have the permission boundary."
  }

  assert {
    condition     = jsondecode(aws_iam_role.this.assume_role_policy).Statement[*].Principal == [{ Service = "lambda.amazonaws.com" }]
    error_message = "Only Lambda may take the role."
  }

  assert {
    condition = toset([for s in jsondecode(aws_iam_role_policy.this.policy).Statement : s.Sid]) == toset([
      "Publish", "WriteItsLog", "LambdaAttachesItToTheSubnets", "ButNotTheProgramItself",
      "OnlyFromItsNetwork",
    ])
    error_message = "The role must hold what it was given, its log and its network interfaces."
  }

  assert {
    condition     = alltrue([for s in jsondecode(aws_iam_role_policy.this.policy).Statement : s.Resource != "*" if s.Effect == "Allow" && s.Sid != "LambdaAttachesItToTheSubnets"])
    error_message = "Only what Lambda does with network interfaces may be for every resource."
  }

  assert {
    condition = one([for s in jsondecode(aws_iam_role_policy.this.policy).Statement : [s.Effect, s.Action, s.Condition] if s.Sid == "ButNotTheProgramItself"]) == [
      "Deny", "ec2:*", { ArnEquals = { "lambda:SourceFunctionArn" = "arn:aws:lambda:eu-central-1:111122223333:function:shelf-pipeline" } },
    ]
    error_message = "The program must not be able to make network interfaces."
  }

  assert {
    condition     = one([for s in jsondecode(aws_iam_role_policy.this.policy).Statement : s.Resource if s.Sid == "WriteItsLog"]) == "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/shelf-pipeline:*"
    error_message = "It must write its own log and no other."
  }

  assert {
    condition = one([for s in jsondecode(aws_iam_role_policy.this.policy).Statement : [s.Effect, s.Action, s.Condition] if s.Sid == "OnlyFromItsNetwork"]) == [
      "Deny", ["dynamodb:*", "secretsmanager:*", "sns:*"], { StringNotEquals = { "aws:SourceVpc" = "vpc-0a1b2c3d" } },
    ]
    error_message = "Credentials that were carried away must open no table, secret or topic."
  }
}

run "outside_of_a_network_there_is_none_to_be_bound_to" {
  command = apply

  variables {
    vpc_id             = null
    subnet_ids         = []
    security_group_ids = []
  }

  assert {
    condition     = toset([for s in jsondecode(aws_iam_role_policy.this.policy).Statement : s.Sid]) == toset(["Publish", "WriteItsLog"])
    error_message = "Without a network the role must hold what it was given, and its log."
  }
}

run "a_network_without_its_name_is_refused" {
  command = plan

  variables {
    vpc_id = null
  }

  expect_failures = [aws_lambda_function.this]
}

run "an_image_by_tag_is_refused" {
  command = plan

  variables {
    package_file = null
    image_uri    = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/shelf-backend:latest"
  }

  expect_failures = [var.image_uri]
}

run "no_limit_is_refused" {
  command = plan

  variables {
    concurrency = -1
  }

  expect_failures = [var.concurrency]
}
