variable "name" {
  description = "The function's name, and its role's."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9-]{1,64}$", var.name))
    error_message = "The function's name must have 1 to 64 letters, digits and dashes."
  }
}

variable "description" {
  description = "What the function is for, for those who look at a list."
  type        = string
}

variable "package_file" {
  description = "A zip with the program, linux/arm64, named bootstrap; null with image_uri."
  type        = string
  default     = null
}

variable "image_uri" {
  description = "An image with the program, by digest; null with package_file."
  type        = string
  default     = null

  validation {
    condition     = var.image_uri == null || can(regex("@sha256:[0-9a-f]{64}$", var.image_uri))
    error_message = "image_uri must end in @sha256: and the digest: a tag says nothing about what runs."
  }
}

variable "code_signing_config_arn" {
  description = "A code signing configuration that the zip must meet; null is none."
  type        = string
  default     = null
}

variable "environment" {
  description = "The function's environment. No secrets: those have ARNs."
  type        = map(string)

  validation {
    condition     = sum(concat([0], [for k, v in var.environment : length(k) + length(v)])) <= 4096
    error_message = "Lambda takes at most 4096 bytes of environment; give fewer stores an endpoint of their own, or put the configuration into the package as backend.toml."
  }
}

variable "statements" {
  description = "Statements of the role's policy: what the program calls."
  type        = any
}

variable "boundary_arn" {
  description = "The permission boundary of the role."
  type        = string
}

variable "kms_key_arn" {
  description = "The key for the environment and the log."
  type        = string
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

variable "vpc_id" {
  description = "The VPC of the subnets; outside of it the role's credentials are worth little."
  type        = string
  default     = null
}

variable "memory" {
  description = "Memory in MB; processor time grows with it."
  type        = number
  default     = 256
}

variable "timeout" {
  description = "Seconds after which a call is ended."
  type        = number

  validation {
    condition     = var.timeout >= 1 && var.timeout <= 900
    error_message = "timeout must be 1 to 900 seconds."
  }
}

variable "concurrency" {
  description = "How many calls run at the same time at most; it also bounds the bill."
  type        = number

  validation {
    condition     = var.concurrency >= 1
    error_message = "concurrency must be at least 1; 0 would stop the function, and less would be no limit."
  }
}

variable "log_days" {
  description = "Days for which the log is kept."
  type        = number
}
