# One store: its networks reach the S3 endpoint that stores share, whose policy binds them to their own prefixes. Where that
# is not enough, the store has an endpoint of its own, whose policy knows no others.

locals {
  prefixes  = [for prefix in ["raw", "canary"] : "${var.bucket_arn}/${prefix}/${var.store}/*"]
  bind      = var.network != null && length(var.cidrs) > 0
  dedicated = local.bind && var.dedicated_endpoint

  dedicated_policy = {
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "PutFramesOfThisStore"
        Effect    = "Allow"
        Principal = "*" # endpoint policies do not grant anything: the role's own policy must allow it too
        Action    = ["s3:PutObject"]
        Resource  = local.prefixes
        Condition = { StringEquals = { "aws:PrincipalAccount" = try(var.network.account_id, ""), "aws:ResourceAccount" = try(var.network.account_id, "") } }
      },
      {
        Sid       = "DenyDeletingAndListing"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:ListAllMyBuckets", "s3:ListBucket", "s3:ListBucketVersions"]
        Resource  = "*" # a refusal: the wider the better
      },
    ]
  }
}

resource "aws_vpc_security_group_ingress_rule" "shared" {
  for_each = local.bind && !local.dedicated ? toset(var.cidrs) : toset([])

  security_group_id = var.network.shops_security_group_id
  description       = "HTTPS from store ${var.store}, ${each.value}"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

# A route back to the shop; a VPN gateway learns its routes by itself.
resource "aws_route" "back" {
  for_each = local.bind && try(var.network.transit_gateway_id, null) != null ? toset(var.cidrs) : toset([])

  route_table_id         = var.network.route_table_id
  destination_cidr_block = each.value
  transit_gateway_id     = var.network.transit_gateway_id
}

resource "aws_security_group" "dedicated" {
  count = local.dedicated ? 1 : 0

  name        = "${var.name}-s3-for-store-${replace(var.store, ".", "-")}"
  description = "The S3 endpoint of store ${var.store}: HTTPS from its networks alone"
  vpc_id      = var.network.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "dedicated" {
  for_each = local.dedicated ? toset(var.cidrs) : toset([])

  security_group_id = aws_security_group.dedicated[0].id
  description       = "HTTPS from store ${var.store}, ${each.value}"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_endpoint" "dedicated" {
  count = local.dedicated ? 1 : 0

  vpc_id              = var.network.vpc_id
  service_name        = "com.amazonaws.${var.network.region}.s3"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = var.network.subnet_ids
  security_group_ids  = [aws_security_group.dedicated[0].id]
  private_dns_enabled = false # S3's ordinary names can lead to one endpoint only
  policy              = jsonencode(local.dedicated_policy)

  tags = { Name = "${var.name}-s3-for-store-${var.store}" }
}
