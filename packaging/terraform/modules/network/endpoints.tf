# What functions need of AWS, each through its own endpoint and no further than this account.

locals {
  # Which actions an endpoint lets through, on which resources. A service that is not here cannot be asked for.
  service_access = {
    "kms"            = { actions = ["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"], resources = var.key_arns }
    "logs"           = { actions = ["logs:CreateLogStream", "logs:PutLogEvents"], resources = ["arn:${var.account.partition}:logs:${var.account.region}:${var.account.id}:log-group:*"] } # groups of this account; whose, the roles say
    "sns"            = { actions = ["sns:Publish"], resources = var.topic_arns }
    "secretsmanager" = { actions = ["secretsmanager:GetSecretValue"], resources = var.secret_arns }
    "ecr.api"        = { actions = ["ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], resources = ["*"] } # GetAuthorizationToken knows no resource
    "ecr.dkr"        = { actions = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], resources = var.repository_arns }
  }

  services = { for service in var.services : service => local.service_access[service] }
}

resource "aws_vpc_endpoint" "service" {
  for_each = local.services

  vpc_id              = aws_vpc.this.id
  service_name        = "${local.service_prefix}.${each.key}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = [for s in aws_subnet.private : s.id]
  security_group_ids  = [aws_security_group.services.id]
  private_dns_enabled = true

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "WhatFunctionsNeed"
      Effect    = "Allow"
      Principal = "*" # endpoint policies do not grant anything: the role's own policy must allow it too
      Action    = each.value.actions
      Resource  = each.value.resources
      Condition = { StringEquals = { "aws:PrincipalAccount" = var.account.id } }
    }]
  })

  tags = { Name = "${var.name}-${each.key}" }

  lifecycle {
    precondition {
      condition     = length(each.value.resources) > 0
      error_message = "The endpoint for ${each.key} would let nothing through: leave it out of services, or give the ARNs that it is for."
    }
  }
}

resource "aws_vpc_endpoint" "dynamodb" {
  vpc_id            = aws_vpc.this.id
  service_name      = "${local.service_prefix}.dynamodb"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.private.id]

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OurTables"
      Effect    = "Allow"
      Principal = "*" # endpoint policies do not grant anything: the role's own policy must allow it too
      Action    = ["dynamodb:BatchGetItem", "dynamodb:PutItem"]
      Resource  = var.table_arns
      Condition = { StringEquals = { "aws:PrincipalAccount" = var.account.id } }
    }]
  })

  tags = { Name = "${var.name}-dynamodb" }
}
