# A trial with one store on the internet: no lock, nothing kept for long, one call at a time, no network, no firewall.
# What still costs are the two keys, a dollar a month each. Not for frames that matter.

terraform {
  required_version = ">= 1.7"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100"
    }
  }
}

provider "aws" {
  region = "eu-central-1"
}

module "shelf" {
  source = "../.."

  bucket      = "example-shelf-trial"
  package     = { file = var.package_file }
  lock_days   = 0
  expire_days = 45
  log_days    = 7
  audit_days  = 30
  network     = null
  pipeline    = { concurrency = 1 }

  stores = {
    "4711" = { public_cidrs = ["203.0.113.7/32"] }
  }

  ticket_api = {
    domain_name         = "tickets.example.com"
    certificate_arn     = "arn:aws:acm:eu-central-1:111122223333:certificate/1234abcd-12ab-34cd-56ef-1234567890ab"
    client_ca_pem       = var.client_ca_pem
    trust_domain        = "shelf.example.com"
    concurrency         = 1
    requests_per_second = 5
    waf                 = false
    renewal             = false
  }

  thresholds          = { monthly_usd = 5 }
  notice_emails       = ["you@example.com"]
  deletion_protection = false

  enable_api_gateway_account = true # a new account has no role for the gateway's logs, and the gateway wants one
}

variable "package_file" {
  description = "The zip with bootstrap and ca.pem."
  type        = string
}

variable "client_ca_pem" {
  description = "The certificates of those who sign the rigs' certificates, PEM."
  type        = string
}

output "shelf" {
  description = "What the backend, the rigs and people need to know."
  value       = module.shelf
}
