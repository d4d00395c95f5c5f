# One customer-managed key. Who may use it, and through which service alone, is said by the statements that the
# caller adds; what is here is administration, which cannot read anything.

locals {
  root = "arn:${var.account.partition}:iam::${var.account.id}:root"

  administration = {
    Sid       = "AdministrationByTheAccountsPolicies"
    Effect    = "Allow"
    Principal = { AWS = local.root }
    # No Encrypt, Decrypt, GenerateDataKey, ReEncrypt or CreateGrant: whoever administers the key reads nothing with it.
    Action = [
      "kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias",
      "kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:GetPublicKey",
      "kms:ListAliases", "kms:ListGrants", "kms:ListKeyPolicies", "kms:ListKeyRotations", "kms:ListResourceTags",
      "kms:EnableKey", "kms:DisableKey", "kms:EnableKeyRotation", "kms:RotateKeyOnDemand",
      "kms:PutKeyPolicy", "kms:TagResource", "kms:UntagResource", "kms:UpdateKeyDescription",
      "kms:RevokeGrant", "kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion",
    ]
    Resource = "*" # in a key policy, this key
  }

  policy = {
    Version   = "2012-10-17"
    Statement = concat([local.administration], var.statements)
  }
}

resource "aws_kms_key" "this" {
  description             = var.description
  enable_key_rotation     = true
  rotation_period_in_days = var.rotation_days
  deletion_window_in_days = 30 # the longest there is: a key that is gone takes every frame with it
  policy                  = jsonencode(local.policy)
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this.key_id
}
