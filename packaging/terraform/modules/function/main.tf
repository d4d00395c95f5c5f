# One function with everything that is its own: role, log and limits. role.tf says what it may do.

locals {
  arn       = "arn:${var.account.partition}:lambda:${var.account.region}:${var.account.id}:function:${var.name}"
  log_group = "/aws/lambda/${var.name}"
  log_arn   = "arn:${var.account.partition}:logs:${var.account.region}:${var.account.id}:log-group:${local.log_group}"
  in_vpc    = length(var.subnet_ids) > 0
}

resource "aws_cloudwatch_log_group" "this" {
  name              = local.log_group
  retention_in_days = var.log_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_lambda_function" "this" {
  function_name = var.name
  description   = var.description
  role          = aws_iam_role.this.arn
  architectures = ["arm64"]

  # A zip with the program, named bootstrap, or an image of it: one of the two.
  package_type     = var.image_uri == null ? "Zip" : "Image"
  image_uri        = var.image_uri
  filename         = var.image_uri == null ? var.package_file : null
  source_code_hash = var.image_uri == null ? filebase64sha256(var.package_file) : null
  runtime          = var.image_uri == null ? "provided.al2023" : null
  handler          = var.image_uri == null ? "bootstrap" : null

  code_signing_config_arn        = var.image_uri == null ? var.code_signing_config_arn : null
  kms_key_arn                    = var.kms_key_arn # for the environment
  memory_size                    = var.memory
  timeout                        = var.timeout
  reserved_concurrent_executions = var.concurrency

  environment {
    variables = var.environment
  }

  dynamic "vpc_config" {
    for_each = local.in_vpc ? [1] : []

    content {
      subnet_ids         = var.subnet_ids
      security_group_ids = var.security_group_ids
    }
  }

  # Lines go to the log as the program wrote them: they are JSON already, and metrics in them are found as they are.
  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.this.name
  }

  lifecycle {
    precondition {
      condition     = (var.image_uri == null) != (var.package_file == null)
      error_message = "Give either package_file, a zip with the program named bootstrap, or image_uri."
    }

    precondition {
      condition     = !local.in_vpc || var.vpc_id != null
      error_message = "Give vpc_id with subnet_ids: the role is bound to that network."
    }
  }

  # Lambda looks at the role when the function is made, and fails when it may not attach it to the subnets yet.
  depends_on = [aws_iam_role_policy.this]
}
