# A retailer with one store on a private line and one that has an endpoint of its own. What moto cannot do is off.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100"
    }
  }
}

# Region, credentials and endpoint come from the environment.
provider "aws" {
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  max_retries                 = 2
}

variable "module_account" {
  description = "Whose cloud this is."
  type        = string
}

module "shelf" {
  source = "MODULE"

  bucket         = "example-shelf-frames"
  package        = { file = "package.zip" }
  lock_days      = 30
  other_prefixes = ["derived/"]

  network = {
    zones = ["us-east-1a", "us-east-1b"]
  }

  stores = {
    "4711" = { cidrs = ["10.47.11.0/24"] }
    "4800" = { cidrs = ["10.48.0.0/24"], dedicated_endpoint = true }
  }

  ticket_api = {
    domain_name     = "tickets.example.com"
    certificate_arn = "arn:aws:acm:us-east-1:${var.module_account}:certificate/1234abcd-12ab-34cd-56ef-1234567890ab"
    client_ca_pem   = file("ca.pem")
    trust_domain    = "shelf.test"
  }

  break_glass_role_arns = ["arn:aws:iam::${var.module_account}:role/break-glass"]
  administrator_arns    = ["arn:aws:iam::${var.module_account}:role/deployer"]

  enable_cloudtrail_logging = false
  deletion_protection       = false
}

output "policies" {
  value = module.shelf.policies
}

output "queue_url" {
  value = module.shelf.queue_url
}

output "topic_arn" {
  value = module.shelf.topic_arn
}

output "upload_hosts" {
  value = module.shelf.upload_hosts
}
