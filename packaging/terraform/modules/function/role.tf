# The function's own role: what its program calls, its log, and the network interfaces that Lambda makes for it.

locals {
  log_statement = {
    Sid      = "WriteItsLog"
    Effect   = "Allow"
    Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    Resource = "${local.log_arn}:*" # its streams, whose names Lambda chooses
  }

  network_statements = [
    {
      Sid    = "LambdaAttachesItToTheSubnets"
      Effect = "Allow"
      Action = [
        "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
      ]
      Resource = "*" # Describe… knows no resources, and Lambda asks for the others before there is an interface to name
    },
    {
      Sid       = "ButNotTheProgramItself"
      Effect    = "Deny"
      Action    = "ec2:*"
      Resource  = "*" # a refusal: the wider the better
      Condition = { ArnEquals = { "lambda:SourceFunctionArn" = local.arn } }
    },
    {
      # For whoever carries the role's credentials away. Not S3: shops use tickets, which are signed in this role's name,
      # and the bucket's policy says from where. Not KMS, which services ask in its name, nor SQS and logs, which Lambda does.
      Sid       = "OnlyFromItsNetwork"
      Effect    = "Deny"
      Action    = ["dynamodb:*", "secretsmanager:*", "sns:*"]
      Resource  = "*" # a refusal: the wider the better
      Condition = { StringNotEquals = { "aws:SourceVpc" = var.vpc_id } }
    },
  ]

  policy = {
    Version   = "2012-10-17"
    Statement = concat(var.statements, [local.log_statement], [for s in local.network_statements : s if local.in_vpc])
  }
}

resource "aws_iam_role" "this" {
  name                 = var.name
  description          = "Role of the function ${var.name}, and of nothing else"
  permissions_boundary = var.boundary_arn
  max_session_duration = 3600

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name   = "what-${var.name}-does"
  role   = aws_iam_role.this.id
  policy = jsonencode(local.policy)
}
