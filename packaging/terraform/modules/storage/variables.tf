variable "name" {
  description = "What names begin with."
  type        = string
}

variable "bucket" {
  description = "The bucket for frames: lower-case letters, digits and dashes; no dots, which break TLS names."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,48}[a-z0-9]$", var.bucket))
    error_message = "bucket must have 3 to 50 lower-case letters, digits and dashes, and no dots; \"-access-logs\" is put behind it for another."
  }
}

variable "lock_days" {
  description = "Days for which nobody can delete a frame (Object Lock in compliance mode), 30 to 90; 0 is no lock, for trials. It can be made longer for new frames, never shorter for those that are there."
  type        = number
  default     = 30

  validation {
    condition     = var.lock_days == 0 || (var.lock_days >= 30 && var.lock_days <= 90)
    error_message = "lock_days must be 30 to 90, or 0 for no lock."
  }
}

variable "expire_days" {
  description = "Days after which frames are deleted; 0 is never. With the lock and 90 days of Glacier Instant Retrieval, less than that would be paid for anyhow."
  type        = number
  default     = 365

  validation {
    condition     = var.expire_days == 0 || var.expire_days > 30
    error_message = "expire_days must be more than 30, when frames change their storage class, or 0 for never."
  }
}

variable "other_prefixes" {
  description = "Prefixes beside raw/ and canary/ that may be written, for what is derived from frames, and is deleted as they are after expire_days; each ends in a slash."
  type        = list(string)
  default     = ["derived/"]

  validation {
    condition     = alltrue([for p in var.other_prefixes : can(regex("^[a-z0-9-]+/$", p)) && !contains(["raw/", "canary/"], p)])
    error_message = "Each of other_prefixes must be lower-case letters, digits and dashes with one slash at the end, such as \"derived/\", and neither raw/ nor canary/."
  }
}

variable "endpoint_ids" {
  description = "The S3 VPC endpoints through which frames are written and read."
  type        = list(string)
  default     = []
}

variable "allowed_public_cidrs" {
  description = "Public addresses of shops without a private line, from which frames may be written. Small ones only: whoever sits behind them is at home."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for c in var.allowed_public_cidrs : can(cidrhost(c, 0)) && try(tonumber(split("/", c)[1]), 0) >= 24])
    error_message = "allowed_public_cidrs must be networks of at most 256 addresses, such as \"203.0.113.7/32\"."
  }
}

variable "break_glass_role_arns" {
  description = "Roles for emergencies, which may delete what is not locked, and from anywhere. They are held to TLS, encryption and if-none-match like everybody."
  type        = list(string)
  default     = []
}

variable "administrator_arns" {
  description = "Who may change the bucket's settings, and list its objects from anywhere, such as the role that applies this; wildcards are allowed. Nobody listed: the account's policies decide both."
  type        = list(string)
  default     = []
}

variable "reader_arns_outside_endpoints" {
  description = "Roles that reach frames without an endpoint, such as functions outside the VPC."
  type        = list(string)
  default     = []
}

variable "macie" {
  description = "Whether Macie may look into frames."
  type        = bool
  default     = false
}

variable "access_log_days" {
  description = "Days for which access logs are kept."
  type        = number
  default     = 365
}

variable "manage_account_public_access_block" {
  description = "Whether this sets the account's own block of public access, of which there is one for all buckets."
  type        = bool
  default     = false
}
