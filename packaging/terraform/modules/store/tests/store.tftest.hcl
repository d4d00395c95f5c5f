mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name       = "shelf"
  store      = "4711"
  cidrs      = ["10.20.0.0/24"]
  bucket_arn = "arn:aws:s3:::example-shelf-frames"
  network = {
    account_id              = "111122223333"
    region                  = "eu-central-1"
    vpc_id                  = "vpc-0a1b2c3d"
    subnet_ids              = ["subnet-0a", "subnet-0b"]
    route_table_id          = "rtb-0a"
    shops_security_group_id = "sg-0shops"
  }
}

run "a_store_reaches_the_shared_endpoint" {
  command = apply

  assert {
    condition = [for r in aws_vpc_security_group_ingress_rule.shared : [r.security_group_id, r.cidr_ipv4, r.from_port, r.to_port]] == [
      ["sg-0shops", "10.20.0.0/24", 443, 443],
    ]
    error_message = "A store's networks must reach the shared endpoint, by HTTPS alone."
  }

  assert {
    condition     = length(aws_vpc_endpoint.dedicated) == 0 && output.endpoint_url == null
    error_message = "Stores share an endpoint unless told otherwise."
  }
}

run "a_store_with_an_endpoint_of_its_own" {
  command = apply

  variables {
    dedicated_endpoint = true
  }

  assert {
    condition = [for s in jsondecode(aws_vpc_endpoint.dedicated[0].policy).Statement : [s.Action, s.Resource] if s.Effect == "Allow"] == [
      [["s3:PutObject"], ["arn:aws:s3:::example-shelf-frames/raw/4711/*", "arn:aws:s3:::example-shelf-frames/canary/4711/*"]],
    ]
    error_message = "Its own endpoint must let through PUT under its own prefixes and nothing else."
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.shared) == 0
    error_message = "It must not reach the shared endpoint."
  }

  assert {
    condition     = output.endpoint_url == "https://bucket.vpce-0a1b2c3d-4e5f6a7b.s3.eu-central-1.vpce.amazonaws.com"
    error_message = "endpoint_url must be what the backend's configuration wants."
  }
}

run "a_store_behind_a_transit_gateway_gets_answers" {
  command = apply

  variables {
    network = {
      account_id              = "111122223333"
      region                  = "eu-central-1"
      vpc_id                  = "vpc-0a1b2c3d"
      subnet_ids              = ["subnet-0a", "subnet-0b"]
      route_table_id          = "rtb-0a"
      shops_security_group_id = "sg-0shops"
      transit_gateway_id      = "tgw-0a1b2c3d"
    }
  }

  assert {
    condition     = [for r in aws_route.back : [r.destination_cidr_block, r.transit_gateway_id]] == [["10.20.0.0/24", "tgw-0a1b2c3d"]]
    error_message = "There must be a route back to the store."
  }
}

run "a_store_on_the_internet_needs_nothing_here" {
  command = apply

  variables {
    network = null
    cidrs   = []
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.shared) == 0
    error_message = "Without a network there is nothing to open."
  }
}

run "the_internet_is_no_store" {
  command = plan

  variables {
    cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.cidrs]
}

run "a_store_that_is_no_id_is_refused" {
  command = plan

  variables {
    store = "Store 4711"
  }

  expect_failures = [var.store]
}
