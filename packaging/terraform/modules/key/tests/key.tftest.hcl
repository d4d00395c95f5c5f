mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  account     = { id = "111122223333", region = "eu-central-1", partition = "aws" }
  name        = "shelf-frames"
  description = "Frames"
}

run "a_key_changes_its_material_and_goes_slowly" {
  command = apply

  assert {
    condition     = aws_kms_key.this.enable_key_rotation
    error_message = "Rotation must be on."
  }

  assert {
    condition     = aws_kms_key.this.deletion_window_in_days == 30
    error_message = "A key that is gone takes every frame with it: the window must be the longest there is."
  }

  assert {
    condition     = length(setintersection(jsondecode(aws_kms_key.this.policy).Statement[0].Action, ["kms:*", "kms:Decrypt", "kms:GenerateDataKey", "kms:CreateGrant"])) == 0
    error_message = "Administration must read nothing."
  }
}
