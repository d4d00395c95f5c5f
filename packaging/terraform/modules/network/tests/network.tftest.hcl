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

run "there_is_no_way_to_the_internet" {
  command = apply

  assert {
    condition     = length(aws_subnet.private) == 2 && alltrue([for s in aws_subnet.private : !s.map_public_ip_on_launch])
    error_message = "Subnets must be private, one in each zone."
  }

  assert {
    condition     = length(aws_default_security_group.closed.ingress) + length(aws_default_security_group.closed.egress) == 0
    error_message = "The default security group must let nothing through."
  }

  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL"
    error_message = "What goes through the network must be logged."
  }
}

run "shops_put_and_get_and_nothing_else" {
  command = apply

  assert {
    condition = [for s in jsondecode(aws_vpc_endpoint.s3_for_shops.policy).Statement : [s.Action, s.Resource, s.Condition] if s.Effect == "Allow"] == [[
      ["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::example-shelf-frames/*",
      { StringEquals = { "aws:PrincipalAccount" = "111122223333", "aws:ResourceAccount" = "111122223333" } },
    ]]
    error_message = "The shops' endpoint must let through PUT and GET on the bucket for frames alone, of and to this account."
  }

  assert {
    condition = alltrue([
      for action in ["s3:DeleteObject", "s3:ListBucket"] : contains(
        one([for s in jsondecode(aws_vpc_endpoint.s3_for_shops.policy).Statement : s.Action if s.Sid == "DenyDeletingAndListing" && s.Effect == "Deny"]), action
      )
    ])
    error_message = "The shops' endpoint must refuse to delete and to list."
  }

  assert {
    condition = [for s in jsondecode(aws_vpc_endpoint.s3_for_shops.policy).Statement : s.Condition if startswith(s.Sid, "DenyForeign")] == [
      { StringNotEquals = { "aws:PrincipalAccount" = "111122223333" } },
      { StringNotEquals = { "aws:ResourceAccount" = "111122223333" } },
    ]
    error_message = "The shops' endpoint must refuse other accounts, whoever asks and whosever bucket it is."
  }

  assert {
    condition     = aws_vpc_endpoint.s3_for_shops.vpc_endpoint_type == "Interface"
    error_message = "Shops cannot reach a gateway endpoint."
  }
}

run "a_store_writes_under_its_own_prefix" {
  command = apply

  variables {
    shared_stores = { "4711" = ["10.20.11.0/24"], "a.b" = ["10.20.12.0/24"], "a-b" = ["10.20.13.0/24"], "on-the-internet" = [] }
  }

  assert {
    condition = one([for s in jsondecode(aws_vpc_endpoint.s3_for_shops.policy).Statement : s if s.Sid == "Store4711"]) == {
      Sid         = "Store4711", Effect = "Deny", Principal = "*", Action = "s3:PutObject"
      NotResource = ["arn:aws:s3:::example-shelf-frames/raw/4711/*", "arn:aws:s3:::example-shelf-frames/canary/4711/*"]
      Condition   = { IpAddress = { "aws:VpcSourceIp" = ["10.20.11.0/24"] } }
    }
    error_message = "From a store's networks nothing may be written beside its own prefixes."
  }

  assert {
    condition     = length(distinct([for s in jsondecode(aws_vpc_endpoint.s3_for_shops.policy).Statement : s.Sid if startswith(s.Sid, "Store")])) == 3
    error_message = "Each store with networks must have a statement of its own."
  }
}

run "a_store_with_an_endpoint_of_its_own_stays_there" {
  command = apply

  variables {
    dedicated_cidrs = ["10.20.80.0/24"]
  }

  assert {
    condition = one([for s in jsondecode(aws_vpc_endpoint.s3_for_shops.policy).Statement : s if s.Sid == "DenyStoresWithTheirOwn"]) == {
      Sid       = "DenyStoresWithTheirOwn", Effect = "Deny", Principal = "*", Action = "s3:*", Resource = "*"
      Condition = { IpAddress = { "aws:VpcSourceIp" = ["10.20.80.0/24"] } }
    }
    error_message = "The shared endpoint must refuse a store that has its own."
  }
}

run "functions_put_and_get_and_the_pipeline_judges" {
  command = apply

  assert {
    condition = [for s in jsondecode(aws_vpc_endpoint.s3_for_functions.policy).Statement : s.Action if s.Effect == "Allow"] == [
      ["s3:GetObject", "s3:PutObject"], ["s3:GetObjectVersion", "s3:PutObjectTagging", "s3:PutObjectVersionTagging"],
      ] && one([for s in jsondecode(aws_vpc_endpoint.s3_for_functions.policy).Statement : s.Condition.ArnEquals if s.Sid == "PipelineJudgesFrames"]) == {
      "aws:PrincipalArn" = "arn:aws:iam::111122223333:role/shelf-pipeline"
    }
    error_message = "The gateway must let through PUT and GET, and for the pipeline's role alone what it needs to judge."
  }

  assert {
    condition     = length([for s in jsondecode(aws_vpc_endpoint.s3_for_functions.policy).Statement : s if s.Effect == "Deny"]) == 3
    error_message = "The gateway must refuse what the shops' endpoint refuses."
  }

  assert {
    condition     = aws_vpc_endpoint.s3_for_functions.vpc_endpoint_type == "Gateway"
    error_message = "Functions must use the gateway endpoint, which costs nothing."
  }

  assert {
    condition     = one(jsondecode(aws_vpc_endpoint.dynamodb.policy).Statement).Resource == ["arn:aws:dynamodb:eu-central-1:111122223333:table/shelf-registry"]
    error_message = "The DynamoDB endpoint must lead to our tables alone."
  }
}

run "services_are_no_wider_than_needed" {
  command = apply

  assert {
    condition     = [for name, e in aws_vpc_endpoint.service : [name, jsondecode(e.policy).Statement[0].Resource]] == [["sns", ["arn:aws:sns:eu-central-1:111122223333:shelf-frames"]]]
    error_message = "Only SNS is needed by default, for our topic."
  }

  assert {
    condition = alltrue([
      for e in aws_vpc_endpoint.service :
      alltrue([for s in jsondecode(e.policy).Statement : s.Condition == { StringEquals = { "aws:PrincipalAccount" = "111122223333" } }])
    ])
    error_message = "Endpoints must serve this account alone."
  }

  assert {
    condition = (
      aws_vpc_security_group_ingress_rule.services.referenced_security_group_id == aws_security_group.functions.id &&
      aws_vpc_security_group_ingress_rule.services.from_port == 443 && aws_vpc_security_group_ingress_rule.services.to_port == 443
    )
    error_message = "Only functions may speak to the services' endpoints, by HTTPS."
  }

  assert {
    condition = alltrue([
      for rule in concat([aws_vpc_security_group_egress_rule.to_services], values(aws_vpc_security_group_egress_rule.to_gateways)) : rule.cidr_ipv4 == null && rule.to_port == 443
    ])
    error_message = "Functions must reach endpoints and nothing else."
  }
}

run "dns_for_shops_when_told" {
  command = apply

  variables {
    resolver_cidrs = ["10.20.0.0/24"]
  }

  assert {
    condition     = aws_route53_resolver_endpoint.inbound[0].direction == "INBOUND" && aws_vpc_endpoint.s3_for_shops.private_dns_enabled
    error_message = "With a resolver, S3's ordinary names must lead to the shops' endpoint."
  }

  assert {
    condition     = aws_vpc_endpoint.s3_for_shops.dns_options[0].private_dns_only_for_inbound_resolver_endpoint
    error_message = "Functions must stay on the gateway endpoint."
  }

  assert {
    condition     = toset([for r in aws_vpc_security_group_ingress_rule.resolver : "${r.cidr_ipv4} ${r.ip_protocol} ${r.to_port}"]) == toset(["10.20.0.0/24 tcp 53", "10.20.0.0/24 udp 53"])
    error_message = "The resolver must answer the shops' DNS servers, over TCP and UDP."
  }
}
