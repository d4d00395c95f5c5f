# The key that signs renewed certificates, if this backend renews them. Terraform makes the place for it and never sees
# it: a person puts it there (README, key rotation).

resource "aws_secretsmanager_secret" "ca_key" {
  count = var.renewal ? 1 : 0

  name                    = "${var.name}/ca-key"
  description             = "Private key of the authority that signs rigs' certificates, PEM"
  kms_key_id              = var.platform_key_arn
  recovery_window_in_days = 30
}

resource "aws_secretsmanager_secret_policy" "ca_key" {
  count = var.renewal ? 1 : 0

  secret_arn          = aws_secretsmanager_secret.ca_key[0].arn
  block_public_policy = true

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat([local.ca_key_to_others], [for s in [local.ca_key_away_from_home] : s if length(var.subnet_ids) > 0])
  })
}

locals {
  ca_key_readers_from_anywhere = concat(var.break_glass_role_arns, var.rotation_role_arns)

  ca_key_to_others = {
    Sid       = "DenyReadingToOthers"
    Effect    = "Deny"
    Principal = "*"
    Action    = "secretsmanager:GetSecretValue"
    Resource  = "*" # in a secret's policy, this secret
    Condition = { ArnNotLike = { "aws:PrincipalArn" = sort(concat([module.function.role_arn], local.ca_key_readers_from_anywhere)) } }
  }

  # The role's own policy says so too, but roles' policies are what gets widened.
  ca_key_away_from_home = {
    Sid       = "DenyReadingAwayFromHome"
    Effect    = "Deny"
    Principal = "*"
    Action    = "secretsmanager:GetSecretValue"
    Resource  = "*" # in a secret's policy, this secret
    Condition = merge(
      { StringNotEquals = { "aws:SourceVpc" = var.vpc_id } },
      { for operator, arns in { ArnNotLike = sort(local.ca_key_readers_from_anywhere) } : operator => { "aws:PrincipalArn" = arns } if length(arns) > 0 },
    )
  }
}

# By a function where there is one: how an authority is replaced is the retailer's to say.
resource "aws_secretsmanager_secret_rotation" "ca_key" {
  count = var.renewal && var.rotation_lambda_arn != null ? 1 : 0

  secret_id           = aws_secretsmanager_secret.ca_key[0].id
  rotation_lambda_arn = var.rotation_lambda_arn

  rotation_rules {
    automatically_after_days = 90
  }
}

# And by a person where there is none, who is told every 90 days.
resource "aws_cloudwatch_event_rule" "rotate" {
  count = var.renewal && var.rotation_lambda_arn == null ? 1 : 0

  name                = "${var.name}-rotate-ca-key"
  description         = "The authority's key is due for rotation"
  schedule_expression = "rate(90 days)"
}

resource "aws_cloudwatch_event_target" "rotate" {
  count = var.renewal && var.rotation_lambda_arn == null ? 1 : 0

  rule  = aws_cloudwatch_event_rule.rotate[0].name
  arn   = var.notices_topic_arn
  input = jsonencode("The key of the authority that signs rigs' certificates is 90 days old: rotate it (README, key rotation).")
}
