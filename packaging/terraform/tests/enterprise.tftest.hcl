# The example for an enterprise, as a whole.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "everything_fits_together" {
  command = apply

  module {
    source = "./examples/enterprise"
  }

  variables {
    package_file  = "versions.tf" # any file: a mock does not look into it
    client_ca_pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
  }

  assert {
    condition = length(setsubtract([
      "bucket", "key_frames", "key_platform", "boundary", "access_log_bucket", "audit_bucket", "config_bucket", "trust_store_bucket",
      "endpoint_shops", "endpoint_functions", "endpoint_dynamodb", "endpoint_sns", "endpoint_secretsmanager", "endpoint_store_4800",
      "ticket_api", "registrar", "ca_key_secret", "api_gateway_logs", "pipeline", "queue", "dead_queue", "topic",
      "topic_urgent", "topic_notices", "trail", "flow_log",
    ], keys(output.shelf.policies))) == 0
    error_message = "A policy is missing."
  }

  # What no action or resource of AWS's can narrow. Everything else has to name what it is for.
  assert {
    condition = alltrue(flatten([
      for name, policy in output.shelf.policies : [
        for s in jsondecode(policy).Statement : !contains(flatten([s.Resource]), "*") || startswith(name, "key_") || contains([
          "LambdaAttachesItToTheSubnets", "NetworkInterfacesOfFunctions",
        ], s.Sid) if s.Effect == "Allow"
      ]
    ]))
    error_message = "A statement allows something on every resource, and has no reason to."
  }

  assert {
    condition = alltrue(flatten([
      for name, policy in output.shelf.policies : [
        for s in jsondecode(policy).Statement : [for action in flatten([s.Action]) : !strcontains(action, "*")] if s.Effect == "Allow"
      ]
    ]))
    error_message = "A statement allows actions by a wildcard."
  }

  assert {
    condition = alltrue([
      for name in ["ticket_api", "pipeline", "flow_log", "trail", "api_gateway_logs"] : length(setsubtract(
        flatten([for s in jsondecode(output.shelf.policies[name]).Statement : s.Action if s.Effect == "Allow"]),
        flatten([for s in jsondecode(output.shelf.policies.boundary).Statement : s.Action if s.Effect == "Allow"]),
      )) == 0
    ])
    error_message = "A role is given what the permission boundary takes away again: it would not work."
  }

  assert {
    condition     = !contains(flatten([for s in jsondecode(output.shelf.policies.boundary).Statement : s.Action if s.Effect == "Allow"]), "s3:DeleteObject") && contains(one([for s in jsondecode(output.shelf.policies.boundary).Statement : s.Action if s.Sid == "NeverThese"]), "s3:DeleteObject")
    error_message = "No role may ever delete a frame."
  }

  assert {
    condition = one([for s in jsondecode(output.shelf.policies.bucket).Statement : s.Condition.ArnNotLike if s.Sid == "DenyAwayFromHome"]) == {
      "aws:PrincipalArn" = [
        "arn:aws:iam::111122223333:role/aws-service-role/macie.amazonaws.com/AWSServiceRoleForAmazonMacie",
        "arn:aws:iam::111122223333:role/break-glass",
      ]
    }
    error_message = "With a private network only break-glass and Macie may come from elsewhere."
  }

  assert {
    condition     = [for s in jsondecode(output.shelf.policies.endpoint_shops).Statement : s.Sid if startswith(s.Sid, "Store")] == ["Store4711", "Store4712"]
    error_message = "The stores that share the endpoint must each be bound to their prefixes, and 4800 must not be there."
  }

  assert {
    condition     = one([for s in jsondecode(output.shelf.policies.endpoint_shops).Statement : s.Condition.IpAddress if s.Sid == "DenyStoresWithTheirOwn"]) == { "aws:VpcSourceIp" = ["10.20.80.0/24"] }
    error_message = "Store 4800 must be refused at the endpoint that it does not share."
  }

  assert {
    condition = [for s in jsondecode(output.shelf.policies.endpoint_store_4800).Statement : s.Resource if s.Effect == "Allow"] == [
      ["arn:aws:s3:::example-shelf-frames/raw/4800/*", "arn:aws:s3:::example-shelf-frames/canary/4800/*"],
    ]
    error_message = "Store 4800 must have an endpoint that knows no other prefixes."
  }

  assert {
    condition = (
      strcontains(output.shelf.backend_toml, "endpoint = \"https://bucket.vpce-0a1b2c3d-4e5f6a7b.s3.eu-central-1.vpce.amazonaws.com\"") &&
      strcontains(output.shelf.backend_toml, "[s3.stores.\"4800\"]") && !strcontains(output.shelf.backend_toml, "[s3.stores.\"4711\"]")
    )
    error_message = "Tickets must point to the endpoint of their store."
  }

  assert {
    condition     = output.shelf.upload_hosts["4711"] == "example-shelf-frames.bucket.vpce-0a1b2c3d-4e5f6a7b.s3.eu-central-1.vpce.amazonaws.com"
    error_message = "upload_hosts must be what the rigs' configuration wants."
  }

  assert {
    condition     = output.shelf.tables == { frames = "shelf-frames", registry = "shelf-registry" }
    error_message = "Both tables must be there."
  }

  # A service that may not use the key is one whose messages get lost without a word.
  assert {
    condition = length(setsubtract(
      ["s3.amazonaws.com", "cloudwatch.amazonaws.com", "events.amazonaws.com", "budgets.amazonaws.com", "cloudtrail.amazonaws.com", "config.amazonaws.com", "logs.eu-central-1.amazonaws.com"],
      flatten([for s in jsondecode(output.shelf.policies.key_platform).Statement : s.Principal.Service if can(s.Principal.Service)]),
    )) == 0
    error_message = "Each service that delivers something must be able to use the platform's key."
  }

  assert {
    condition     = alltrue([for s in jsondecode(output.shelf.policies.key_platform).Statement : can(s.Condition) if !contains(["AdministrationByTheAccountsPolicies", "FindingsTellTheTopics"], s.Sid)])
    error_message = "Whoever uses the platform's key must be told through what, or for whom; only EventBridge cannot be."
  }
}
