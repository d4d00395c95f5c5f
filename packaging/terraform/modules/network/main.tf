# A network without a way to the internet: no gateway, no translation, no public address. What is needed of AWS is
# reached through endpoints (endpoints.tf, s3.tf), and shops come in by VPN or Direct Connect (shops.tf).

locals {
  zones = { for i, zone in var.zones : zone => cidrsubnet(var.cidr, 4, i) }
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true # private names of the endpoints

  tags = { Name = var.name }
}

resource "aws_subnet" "private" {
  for_each = local.zones

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = each.value
  map_public_ip_on_launch = false

  tags = { Name = "${var.name}-${each.key}" }
}

# One table for all: it has the local route, the gateway endpoints' and the shops', and never a default route.
resource "aws_route_table" "private" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.name}-private" }
}

resource "aws_route_table_association" "private" {
  for_each = aws_subnet.private

  subnet_id      = each.value.id
  route_table_id = aws_route_table.private.id
}

# AWS makes one that lets everything through; without rules it lets nothing through.
resource "aws_default_security_group" "closed" {
  vpc_id = aws_vpc.this.id
}

resource "aws_cloudwatch_log_group" "flow" {
  name              = "/${var.name}/flow"
  retention_in_days = var.log_days
  kms_key_id        = var.logs_key_arn
}

resource "aws_flow_log" "this" {
  vpc_id          = aws_vpc.this.id
  traffic_type    = "ALL"
  log_destination = aws_cloudwatch_log_group.flow.arn
  iam_role_arn    = aws_iam_role.flow.arn
}

resource "aws_iam_role" "flow" {
  name                 = "${var.name}-flow-log"
  description          = "Lets the VPC write its flow log, and nothing else"
  permissions_boundary = var.boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "vpc-flow-logs.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account.id } }
    }]
  })
}

locals {
  flow_group = "arn:${var.account.partition}:logs:${var.account.region}:${var.account.id}:log-group:/${var.name}/flow"
}

resource "aws_iam_role_policy" "flow" {
  name = "write-the-flow-log"
  role = aws_iam_role.flow.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "WriteTheFlowLog"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      Resource = "${local.flow_group}:*" # its streams, whose names AWS chooses
    }]
  })
}
