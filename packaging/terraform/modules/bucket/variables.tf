variable "name" {
  description = "The bucket's name: lower-case letters, digits and dashes; no dots, which break TLS names."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "The bucket's name must have 3 to 63 lower-case letters, digits and dashes, and no dots."
  }
}

variable "kms_key_arn" {
  description = "The key for SSE-KMS; null is SSE-S3, for files that services deliver which cannot use a key."
  type        = string
  default     = null
}

variable "statements" {
  description = "Statements of the bucket policy that let services deliver."
  type        = any
  default     = []
}

variable "expire_days" {
  description = "Days after which files go; 0 is never."
  type        = number
  default     = 365
}

variable "lockable" {
  description = "Whether the bucket is made for Object Lock, which cannot be changed later. Server access logs cannot be delivered to such a bucket."
  type        = bool
  default     = false
}

variable "lock_days" {
  description = "Days of Object Lock in compliance mode, in a bucket that is lockable; 0 is none."
  type        = number
  default     = 0
}

variable "access_log_bucket" {
  description = "The bucket that this one's own access logs go to; null is none."
  type        = string
  default     = null
}
