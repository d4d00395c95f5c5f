# Switches: what an account may have already or centrally, and what is for good only.

variable "enable_account_public_access_block" {
  description = "Whether this sets the account's own block of public access, of which there is one for all buckets."
  type        = bool
  default     = false
}

variable "enable_api_gateway_account" {
  description = "Whether this sets the role by which every API Gateway of the account and region writes logs, of which there is one."
  type        = bool
  default     = false
}

variable "enable_cloudtrail" {
  description = "Whether this makes a trail. If the account has one with the bucket's data events, give its log as trail_log_group."
  type        = bool
  default     = true
}

variable "trail_log_group" {
  description = "The log of a trail that is there already."
  type        = string
  default     = null
}

variable "enable_cloudtrail_logging" {
  description = "Whether the trail is started; false only for imitations of AWS that cannot."
  type        = bool
  default     = true
}

variable "enable_guardduty" {
  description = "Whether this turns GuardDuty on, with S3 protection."
  type        = bool
  default     = false
}

variable "enable_macie" {
  description = "Whether this turns Macie on, and lets it look at the bucket."
  type        = bool
  default     = false
}

variable "enable_securityhub" {
  description = "Whether this turns Security Hub on, with the standards FSBP and CIS 3.0."
  type        = bool
  default     = false
}

variable "enable_config" {
  description = "Whether this turns AWS Config on, with the rules that this module keeps."
  type        = bool
  default     = false
}

variable "enable_config_service_role" {
  description = "Whether this makes Config's service-linked role, of which an account has one."
  type        = bool
  default     = true
}

variable "deletion_protection" {
  description = "Whether tables refuse to be deleted."
  type        = bool
  default     = true
}
