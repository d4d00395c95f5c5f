variable "name" {
  description = "What names begin with."
  type        = string
}

variable "domain_name" {
  description = "The name by which rigs reach the API, such as tickets.example.com."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain_name))
    error_message = "domain_name must be a host name in lower case, such as tickets.example.com."
  }
}

variable "certificate_arn" {
  description = "The ACM certificate for domain_name, in this region."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:acm:", var.certificate_arn))
    error_message = "certificate_arn must be the ARN of a certificate in ACM."
  }
}

variable "zone_id" {
  description = "The Route 53 zone for the name; null: somebody else makes the records."
  type        = string
  default     = null
}

variable "client_ca_pem" {
  description = "The certificates of those who sign the rigs' certificates, PEM; the same as ca.pem in the package."
  type        = string

  validation {
    condition     = strcontains(var.client_ca_pem, "-----BEGIN CERTIFICATE-----") && !strcontains(var.client_ca_pem, "PRIVATE KEY")
    error_message = "client_ca_pem must be certificates in PEM, and no private key."
  }
}

variable "trust_domain" {
  description = "The trust domain in the rigs' certificates."
  type        = string
}

variable "trust_store_bucket" {
  description = "The bucket for client_ca_pem, from which the gateway takes it."
  type        = string
}

variable "access_log_bucket" {
  description = "The bucket for access logs of trust_store_bucket."
  type        = string
  default     = null
}

variable "package" {
  description = "The program: a zip with bootstrap for linux/arm64, ca.pem and, with renewal, issuer.pem, or an image by digest; and optionally a code signing configuration for the zip."
  type = object({
    file                    = optional(string)
    image_uri               = optional(string)
    code_signing_config_arn = optional(string)
  })
}

variable "configuration" {
  description = "Where the backend's configuration is: \"environment\", made here, or \"package\", the file backend.toml in it."
  type        = string
  default     = "environment"

  validation {
    condition     = contains(["environment", "package"], var.configuration)
    error_message = "configuration must be \"environment\" or \"package\"."
  }
}

variable "bucket" {
  description = "The bucket for frames."
  type        = string
}

variable "bucket_arn" {
  description = "Its ARN."
  type        = string
}

variable "frames_key_arn" {
  description = "The key for frames, full ARN."
  type        = string
}

variable "platform_key_arn" {
  description = "The key for everything else."
  type        = string
}

variable "s3_endpoint_url" {
  description = "The S3 endpoint that tickets point to; null is S3's public one."
  type        = string
  default     = null
}

variable "store_endpoint_urls" {
  description = "Endpoints of stores that have their own, by store id; null for those that have none."
  type        = map(string)
  default     = {}
}

variable "limits" {
  description = "The backend's [policy]: cameras of a store, frames a minute and a day of a rig; 0 is no limit."
  type = object({
    max_cameras       = optional(number, 0)
    frames_per_minute = optional(number, 0)
    daily_frames      = optional(number, 0)
  })
  default = {}
}

variable "concurrency" {
  description = "How many requests are answered at the same time at most."
  type        = number
  default     = 20
}

variable "requests_per_second" {
  description = "How many requests a second the gateway lets through; twice as many in a burst."
  type        = number
  default     = 50
}

variable "waf" {
  description = "Whether a firewall is before the API."
  type        = bool
  default     = true
}

variable "waf_rate" {
  description = "Requests from one address in five minutes before it is blocked. A shop is one address."
  type        = number
  default     = 2000

  validation {
    condition     = var.waf_rate >= 100
    error_message = "waf_rate must be at least 100 in five minutes: a shop that comes back from an outage asks often."
  }
}

variable "countries" {
  description = "Countries that requests may come from, ISO 3166 codes; none is all."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for c in var.countries : can(regex("^[A-Z]{2}$", c))])
    error_message = "countries must be ISO 3166 codes of two capital letters, such as \"DE\"."
  }
}

variable "renewal" {
  description = "Whether this backend renews certificates; if so, a person puts the authority's key into the secret."
  type        = bool
  default     = true
}

variable "rotation_lambda_arn" {
  description = "A function that rotates the authority's key; null: a person does, and is told every 90 days."
  type        = string
  default     = null
}

variable "rotation_role_arns" {
  description = "Roles besides the backend's that read the authority's key, such as the rotating function's."
  type        = list(string)
  default     = []
}

variable "break_glass_role_arns" {
  description = "Roles for emergencies."
  type        = list(string)
  default     = []
}

variable "notices_topic_arn" {
  description = "Where people are told what can wait."
  type        = string
}

variable "manage_api_gateway_account" {
  description = "Whether this sets the role by which every API Gateway of the account and region writes logs, of which there is one."
  type        = bool
  default     = false
}

variable "deletion_protection" {
  description = "Whether the registry refuses to be deleted."
  type        = bool
  default     = true
}

variable "boundary_arn" {
  description = "The permission boundary of roles."
  type        = string
}

variable "vpc_id" {
  description = "The VPC of the subnets; null is outside of any."
  type        = string
  default     = null
}

variable "subnet_ids" {
  description = "Private subnets; none is outside of any VPC."
  type        = list(string)
  default     = []
}

variable "security_group_ids" {
  description = "Security groups within the VPC."
  type        = list(string)
  default     = []
}

variable "log_days" {
  description = "Days for which logs are kept."
  type        = number
  default     = 30
}
