# What is refused before anything is made.

mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  account            = { id = "111122223333", region = "eu-central-1", partition = "aws" }
  name               = "shelf"
  zones              = ["eu-central-1a", "eu-central-1b"]
  bucket_arn         = "arn:aws:s3:::example-shelf-frames"
  table_arns         = ["arn:aws:dynamodb:eu-central-1:111122223333:table/shelf-registry"]
  topic_arns         = ["arn:aws:sns:eu-central-1:111122223333:shelf-frames"]
  boundary_arn       = "arn:aws:iam::111122223333:policy/shelf-boundary"
  logs_key_arn       = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  pipeline_role_arns = ["arn:aws:iam::111122223333:role/shelf-pipeline"]
}

run "a_network_of_two_stores_is_refused" {
  command = plan

  variables {
    shared_stores = { "4711" = ["10.20.11.0/24"], "4712" = ["10.20.11.0/24"] }
  }

  expect_failures = [var.shared_stores]
}

run "everybody_is_no_client" {
  command = plan

  variables {
    other_client_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.other_client_cidrs]
}

run "an_endpoint_for_nothing_is_refused" {
  command = plan

  variables {
    services = ["secretsmanager"]
  }

  expect_failures = [aws_vpc_endpoint.service["secretsmanager"]]
}

run "public_addresses_are_refused" {
  command = plan

  variables {
    cidr = "8.8.0.0/20"
  }

  expect_failures = [var.cidr]
}
