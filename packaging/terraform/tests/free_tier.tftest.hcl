# The example for a trial, as a whole.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "a_trial_costs_little_and_is_closed_all_the_same" {
  command = apply

  module {
    source = "./examples/free-tier"
  }

  variables {
    package_file  = "versions.tf" # any file: a mock does not look into it
    client_ca_pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
  }

  assert {
    condition     = length([for name in keys(output.shelf.policies) : name if startswith(name, "endpoint_")]) == 0
    error_message = "A trial must have no endpoints: they cost by the hour."
  }

  assert {
    condition = one([for s in jsondecode(output.shelf.policies.bucket).Statement : s.Condition if s.Sid == "DenyAwayFromHome"]) == {
      NotIpAddress = { "aws:SourceIp" = ["203.0.113.7/32"] }
      BoolIfExists = { "aws:PrincipalIsAWSService" = ["false"] }
      ArnNotLike   = { "aws:PrincipalArn" = ["arn:aws:iam::111122223333:role/shelf-pipeline"] }
    }
    error_message = "Frames must come from the store's address alone; the pipeline reads from outside of any network."
  }

  assert {
    condition = toset([for s in jsondecode(output.shelf.policies.bucket).Statement : s.Sid]) == toset([
      "DenyPlainHTTP", "DenyOldTLS", "DenyOldSignatures", "DenyOtherSignatures", "DenyOtherEncryption", "DenyOtherKeys",
      "DenyOverwriting", "DenyOtherPrefixes", "DenyReplicatingHither", "DenyAwayFromHome", "DenyForeignAccounts", "DenyDeleting",
    ])
    error_message = "A trial must have every guard that is for good."
  }

  assert {
    condition     = !strcontains(output.shelf.backend_toml, "endpoint =") && output.shelf.upload_hosts == { "4711" = "example-shelf-trial.s3.eu-central-1.amazonaws.com" }
    error_message = "Without a network, tickets must point to S3's public endpoint."
  }

  assert {
    condition     = output.shelf.ca_secret_arn == null && !strcontains(output.shelf.policies.ticket_api, "secretsmanager")
    error_message = "A trial must not pay for a secret."
  }
}
