variable "name" {
  description = "The key's alias, without alias/."
  type        = string
}

variable "description" {
  description = "What the key encrypts, for those who look at a list of keys."
  type        = string
}

variable "statements" {
  description = "Statements of the key policy that let somebody use the key. Each must name the service or the principal that it is for."
  type        = any
  default     = []
}

variable "rotation_days" {
  description = "Days after which AWS makes new key material; old material stays, to decrypt."
  type        = number
  default     = 365

  validation {
    condition     = var.rotation_days >= 90 && var.rotation_days <= 365
    error_message = "rotation_days must be 90 to 365."
  }
}
