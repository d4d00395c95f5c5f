variable "name" {
  description = "What names begin with."
  type        = string
}

variable "bucket" {
  description = "The bucket for frames."
  type        = string
}

variable "bucket_arn" {
  description = "Its ARN."
  type        = string
}

variable "audit_bucket" {
  description = "The bucket for the trail; \"-config\" is put behind it for what Config records."
  type        = string
}

variable "access_log_bucket" {
  description = "The bucket for access logs of audit_bucket."
  type        = string
  default     = null
}

variable "lock_audit" {
  description = "Whether nobody can delete the trail's files while they are kept (Object Lock in compliance mode)."
  type        = bool
  default     = true
}

variable "audit_days" {
  description = "Days for which the trail is kept."
  type        = number
  default     = 365

  validation {
    condition     = contains([30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.audit_days)
    error_message = "audit_days must be one that CloudWatch Logs knows: 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "platform_key_arn" {
  description = "The key for everything but frames."
  type        = string
}

variable "boundary_arn" {
  description = "The permission boundary of roles."
  type        = string
}

variable "break_glass_role_arns" {
  description = "Roles for emergencies: to take one is urgent news."
  type        = list(string)
  default     = []
}

variable "pipeline_role_arn" {
  description = "The pipeline's role, which reads every frame once and is no bulk download."
  type        = string
}

variable "functions" {
  description = "The functions to look after."
  type        = list(string)
}

variable "queues" {
  description = "The queues to show."
  type        = list(string)
  default     = []
}

variable "api" {
  description = "The ticket API, as its metrics call it; null is none."
  type        = object({ name = string, stage = string })
  default     = null
}

variable "waf" {
  description = "The firewall's name; null is none."
  type        = string
  default     = null
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
  description = "Who is told at once what cannot wait; each address has to confirm."
  type        = list(string)
  default     = []
}

variable "notice_emails" {
  description = "Who is told what can wait; each address has to confirm."
  type        = list(string)
  default     = []
}

variable "trail" {
  description = "Whether this makes a trail; if the account has one with the bucket's data events, give its log as trail_log_group."
  type        = bool
  default     = true
}

variable "trail_log_group" {
  description = "The log of a trail that is there already; null without, and then nothing of it is alarmed."
  type        = string
  default     = null
}

variable "trail_logging" {
  description = "Whether the trail is started; false only for imitations of AWS that cannot."
  type        = bool
  default     = true
}

variable "guardduty" {
  description = "Whether this turns GuardDuty on, with S3 protection."
  type        = bool
  default     = false
}

variable "macie" {
  description = "Whether this turns Macie on."
  type        = bool
  default     = false
}

variable "securityhub" {
  description = "Whether this turns Security Hub on, with the standards FSBP and CIS 3.0."
  type        = bool
  default     = false
}

variable "config" {
  description = "Whether this turns AWS Config on, with the rules that this module keeps."
  type        = bool
  default     = false
}

variable "config_service_role" {
  description = "Whether this makes Config's service-linked role, of which an account has one."
  type        = bool
  default     = true
}
