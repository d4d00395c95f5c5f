# Everything on, for a retailer with private lines to its stores and an account of its own for frames.

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

  default_tags {
    tags = { system = "shelf" }
  }
}

module "shelf" {
  source = "../.."

  bucket      = "example-shelf-frames"
  package     = { file = var.package_file }
  lock_days   = 90
  expire_days = 730

  network = {
    zones          = ["eu-central-1a", "eu-central-1b"]
    vpn_gateway    = true
    resolver_cidrs = ["10.20.0.0/16"]
  }

  # Adding a store is one line.
  stores = {
    "4711" = { cidrs = ["10.20.11.0/24"] }
    "4712" = { cidrs = ["10.20.12.0/24"] }
    "4800" = { cidrs = ["10.20.80.0/24"], dedicated_endpoint = true }
  }

  ticket_api = {
    domain_name     = "tickets.example.com"
    certificate_arn = "arn:aws:acm:eu-central-1:111122223333:certificate/1234abcd-12ab-34cd-56ef-1234567890ab"
    client_ca_pem   = var.client_ca_pem
    trust_domain    = "shelf.example.com"
    countries       = ["AT", "DE"]
    limits          = { max_cameras = 64, daily_frames = 50000 }
  }

  break_glass_role_arns = ["arn:aws:iam::111122223333:role/break-glass"]
  administrator_arns    = ["arn:aws:iam::111122223333:role/deployer"]
  thresholds            = { stored_gib = 5000, monthly_usd = 1000 }
  urgent_emails         = ["oncall@example.com"]
  notice_emails         = ["cloud-team@example.com"]

  enable_account_public_access_block = true
  enable_api_gateway_account         = true
  enable_guardduty                   = true
  enable_macie                       = true
  enable_securityhub                 = true
  enable_config                      = true
}

variable "package_file" {
  description = "The zip with bootstrap, ca.pem and issuer.pem."
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
