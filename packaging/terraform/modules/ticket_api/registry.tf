# What the backend remembers: rigs, invitations, revocations, quotas. The attributes are the program's; a test holds
# them against its source.

locals {
  table     = "${var.name}-registry"
  table_arn = "arn:${var.account.partition}:dynamodb:${var.account.region}:${var.account.id}:table/${local.table}"
}

resource "aws_dynamodb_table" "registry" {
  name         = local.table
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "pk"
  range_key    = "sk"

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  ttl {
    attribute_name = "ttl"
    enabled        = true
  }

  # Without it, revocations are forgotten: it can be brought back to any second of the last 35 days.
  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.platform_key_arn
  }

  deletion_protection_enabled = var.deletion_protection
}

# For the role of those who run `shelf-backend rig invite`, list and revoke; attach it there.
resource "aws_iam_policy" "registrar" {
  name        = "${var.name}-registrar"
  description = "Invite, list and revoke rigs: shelf-backend rig"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "KeepTheRegistry"
        Effect   = "Allow"
        Action   = ["dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:Query"]
        Resource = local.table_arn
      },
      {
        Sid       = "DecryptTheRegistry"
        Effect    = "Allow"
        Action    = ["kms:Decrypt"]
        Resource  = var.platform_key_arn
        Condition = { StringEquals = { "kms:ViaService" = "dynamodb.${var.account.region}.${local.dns_suffix}" } }
      },
    ]
  })
}
