# What is refused before anything is made.

mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  account      = { id = "111122223333", region = "eu-central-1", partition = "aws" }
  name         = "shelf"
  bucket       = "example-shelf-frames"
  endpoint_ids = ["vpce-0a1b2c3d"]
}

run "a_lock_of_a_week_is_refused" {
  command = plan

  variables {
    lock_days = 7
  }

  expect_failures = [var.lock_days]
}

run "a_lock_of_a_year_is_refused" {
  command = plan

  variables {
    lock_days = 365
  }

  expect_failures = [var.lock_days]
}

run "dots_in_the_name_are_refused" {
  command = plan

  variables {
    bucket = "frames.example.com"
  }

  expect_failures = [var.bucket]
}

run "half_the_internet_is_no_shop" {
  command = plan

  variables {
    allowed_public_cidrs = ["128.0.0.0/1"]
  }

  expect_failures = [var.allowed_public_cidrs]
}

run "frames_end_after_their_lock" {
  command = plan

  variables {
    lock_days   = 90
    expire_days = 60
  }

  expect_failures = [aws_s3_bucket_lifecycle_configuration.frames]
}

run "a_bucket_without_a_way_in_is_refused" {
  command = plan

  variables {
    endpoint_ids = []
  }

  expect_failures = [aws_s3_bucket_policy.frames]
}
