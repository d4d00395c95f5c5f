# Two doors to S3. Shops come through the interface endpoint: a gateway cannot be reached from outside the VPC. Functions
# go through the gateway, which costs nothing.

locals {
  service_prefix = "com.amazonaws.${var.account.region}"
  objects        = "${var.bucket_arn}/*"

  ours = {
    "aws:PrincipalAccount" = var.account.id
    "aws:ResourceAccount"  = var.account.id
  }

  put_and_get = {
    Sid       = "PutAndGetFrames"
    Effect    = "Allow"
    Principal = "*" # endpoint policies do not grant anything: the role's own policy must allow it too
    Action    = ["s3:GetObject", "s3:PutObject"]
    Resource  = local.objects
    Condition = { StringEquals = local.ours }
  }

  # Nothing but the above is allowed; these are for whoever widens it one day.
  refusals = [
    {
      Sid       = "DenyDeletingAndListing"
      Effect    = "Deny"
      Principal = "*"
      Action = [
        "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:ListAllMyBuckets", "s3:ListBucket", "s3:ListBucketVersions",
      ]
      Resource = "*" # a refusal: the wider the better
    },
    {
      Sid       = "DenyForeignPrincipals"
      Effect    = "Deny"
      Principal = "*"
      Action    = "*"
      Resource  = "*" # a refusal: the wider the better
      Condition = { StringNotEquals = { "aws:PrincipalAccount" = var.account.id } }
    },
    {
      Sid       = "DenyForeignBuckets"
      Effect    = "Deny"
      Principal = "*"
      Action    = "*"
      Resource  = "*" # a refusal: the wider the better
      Condition = { StringNotEquals = { "aws:ResourceAccount" = var.account.id } }
    },
  ]

  # A store's networks write under its own prefixes. The ticket says the same already: this is for one that was stolen.
  # Statements' names are letters and digits, and another for each store.
  bound_stores = [for store, cidrs in var.shared_stores : {
    Sid         = "Store${replace(store, "/[^a-z0-9]/", "")}${can(regex("^[a-z0-9]+$", store)) ? "" : substr(sha1(store), 0, 8)}"
    Effect      = "Deny"
    Principal   = "*"
    Action      = "s3:PutObject"
    NotResource = [for prefix in ["raw", "canary"] : "${var.bucket_arn}/${prefix}/${store}/*"]
    Condition   = { IpAddress = { "aws:VpcSourceIp" = sort(cidrs) } }
  } if length(cidrs) > 0]

  # A store with an endpoint of its own is kept away by the security group; here, should somebody open that.
  elsewhere = [for cidrs in [sort(var.dedicated_cidrs)] : {
    Sid       = "DenyStoresWithTheirOwn"
    Effect    = "Deny"
    Principal = "*"
    Action    = "s3:*"
    Resource  = "*" # a refusal: the wider the better
    Condition = { IpAddress = { "aws:VpcSourceIp" = cidrs } }
  } if length(cidrs) > 0]

  for_shops = {
    Version   = "2012-10-17"
    Statement = concat([local.put_and_get], local.refusals, local.bound_stores, local.elsewhere)
  }

  # The pipeline alone reads versions, and tags what is no frame.
  for_functions = {
    Version = "2012-10-17"
    Statement = concat([local.put_and_get], local.refusals, [for arn in var.pipeline_role_arns : {
      Sid       = "PipelineJudgesFrames"
      Effect    = "Allow"
      Principal = "*" # the condition names the role
      Action    = ["s3:GetObjectVersion", "s3:PutObjectTagging", "s3:PutObjectVersionTagging"]
      Resource  = local.objects
      Condition = { StringEquals = local.ours, ArnEquals = { "aws:PrincipalArn" = arn } }
    }])
  }
}

resource "aws_vpc_endpoint" "s3_for_shops" {
  vpc_id              = aws_vpc.this.id
  service_name        = "${local.service_prefix}.s3"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = [for s in aws_subnet.private : s.id]
  security_group_ids  = [aws_security_group.s3_for_shops.id]
  private_dns_enabled = var.resolver_cidrs != null
  policy              = jsonencode(local.for_shops)

  lifecycle {
    precondition {
      condition     = length(jsonencode(local.for_shops)) <= 20480
      error_message = "An endpoint's policy has at most 20480 characters, which is about a hundred stores: give stores beyond that dedicated_endpoint, or an account of their own."
    }
  }

  # With private DNS, S3's ordinary names lead shops here and leave functions on the gateway.
  dynamic "dns_options" {
    for_each = var.resolver_cidrs != null ? [1] : []

    content {
      private_dns_only_for_inbound_resolver_endpoint = true
    }
  }

  tags = { Name = "${var.name}-s3-for-shops" }

  depends_on = [aws_vpc_endpoint.s3_for_functions] # private DNS for the resolver alone wants the gateway to be there
}

resource "aws_vpc_endpoint" "s3_for_functions" {
  vpc_id            = aws_vpc.this.id
  service_name      = "${local.service_prefix}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.private.id]
  policy            = jsonencode(local.for_functions)

  tags = { Name = "${var.name}-s3-for-functions" }
}
