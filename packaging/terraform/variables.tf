# What must be said, and what is this fleet's own. features.tf has the switches.

variable "name" {
  description = "What names begin with."
  type        = string
  default     = "shelf"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}$", var.name))
    error_message = "name must be 2 to 21 lower-case letters, digits and dashes, beginning with a letter."
  }
}

variable "bucket" {
  description = "The bucket for frames; buckets for logs are named like it, with something behind. Lower-case letters, digits and dashes; no dots."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,46}[a-z0-9]$", var.bucket))
    error_message = "bucket must have 3 to 48 lower-case letters, digits and dashes, and no dots."
  }
}

variable "package" {
  description = "The program: a zip with bootstrap for linux/arm64, ca.pem and, with renewal, issuer.pem, or an image by digest (README, the package); and optionally a code signing configuration for the zip."
  type = object({
    file                    = optional(string)
    image_uri               = optional(string)
    code_signing_config_arn = optional(string)
  })
}

variable "stores" {
  description = "The stores, by id. One with a private line has cidrs, its networks as the VPC sees them, and if it wants an endpoint of its own; one without has public_cidrs, its addresses on the internet."
  type = map(object({
    cidrs              = optional(list(string), [])
    public_cidrs       = optional(list(string), [])
    dedicated_endpoint = optional(bool, false)
  }))
  default = {}
}

variable "network" {
  description = "The private network; null is none: then stores come over the internet, from their public_cidrs, and functions are outside of any VPC."
  type = object({
    zones              = list(string)
    cidr               = optional(string, "10.64.0.0/20")
    services           = optional(set(string)) # endpoints besides S3 and DynamoDB; left out: what is needed
    vpn_gateway        = optional(bool, false)
    transit_gateway_id = optional(string)
    resolver_cidrs     = optional(list(string))
    other_client_cidrs = optional(list(string), [])
  })
}

variable "ticket_api" {
  description = "The backend as a function behind an API Gateway; null is none: then it runs elsewhere. modules/ticket_api explains each."
  type = object({
    domain_name         = string
    certificate_arn     = string
    client_ca_pem       = string
    trust_domain        = string
    zone_id             = optional(string)
    configuration       = optional(string, "environment")
    limits              = optional(object({ max_cameras = optional(number, 0), frames_per_minute = optional(number, 0), daily_frames = optional(number, 0) }), {})
    concurrency         = optional(number, 20)
    requests_per_second = optional(number, 50)
    waf                 = optional(bool, true)
    waf_rate            = optional(number, 2000)
    countries           = optional(list(string), [])
    renewal             = optional(bool, true)
    rotation_lambda_arn = optional(string)
    rotation_role_arns  = optional(list(string), [])
  })
}

variable "pipeline" {
  description = "How many batches of frames are judged at the same time, and with how much memory in MB."
  type = object({
    concurrency = optional(number, 5)
    memory      = optional(number, 1024)
  })
  default = {}
}

variable "lock_days" {
  description = "Days for which nobody can delete a frame (Object Lock in compliance mode), 30 to 90; 0 is no lock, for trials."
  type        = number
  default     = 30
}

variable "expire_days" {
  description = "Days after which frames, and what is derived from them, are deleted; their bytes go a day or two later, or when their lock ends; 0 is never."
  type        = number
  default     = 365
}

variable "other_prefixes" {
  description = "Prefixes beside raw/ and canary/ that may be written, for what is derived from frames, and is deleted as they are after expire_days."
  type        = list(string)
  default     = ["derived/"]
}

variable "break_glass_role_arns" {
  description = "Roles for emergencies (README, break-glass)."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for a in var.break_glass_role_arns : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$", a))])
    error_message = "break_glass_role_arns must be full ARNs of roles, without wildcards."
  }
}

variable "administrator_arns" {
  description = "Who may change the bucket's settings, and list its objects from anywhere, such as the role that applies this. Nobody listed: the account's policies decide both."
  type        = list(string)
  default     = []
}

variable "log_days" {
  description = "Days for which working logs are kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400], var.log_days)
    error_message = "log_days must be one that CloudWatch Logs knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365 or 400."
  }
}

variable "audit_days" {
  description = "Days for which the trail and access logs are kept."
  type        = number
  default     = 365
}

variable "thresholds" {
  description = "When a person is told: refusals and downloads in five minutes, GiB stored, US dollars a month (0 is never)."
  type = object({
    refusals    = optional(number, 20)
    downloads   = optional(number, 100)
    stored_gib  = optional(number, 0)
    monthly_usd = optional(number, 0)
  })
  default = {}
}

variable "urgent_emails" {
  description = "Who is told at once what cannot wait."
  type        = list(string)
  default     = []
}

variable "notice_emails" {
  description = "Who is told what can wait."
  type        = list(string)
  default     = []
}
