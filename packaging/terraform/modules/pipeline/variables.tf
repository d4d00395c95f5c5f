variable "name" {
  description = "What names begin with."
  type        = string
}

variable "package" {
  description = "The program: a zip with bootstrap for linux/arm64, or an image by digest; and optionally a code signing configuration for the zip."
  type = object({
    file                    = optional(string)
    image_uri               = optional(string)
    code_signing_config_arn = optional(string)
  })
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
  description = "The key that every frame must be encrypted with, full ARN."
  type        = string
}

variable "platform_key_arn" {
  description = "The key for everything else."
  type        = string
}

variable "urgent_topic_arn" {
  description = "Where people are told what cannot wait."
  type        = string
}

variable "notices_topic_arn" {
  description = "Where people are told what can wait."
  type        = string
}

variable "concurrency" {
  description = "How many batches are judged at the same time at most."
  type        = number
  default     = 5
}

variable "memory" {
  description = "Memory in MB: four times the rigs' frame.max_memory, and four times the largest frame; 512 just fits their defaults."
  type        = number
  default     = 1024

  validation {
    condition     = var.memory >= 512 && var.memory <= 10240
    error_message = "memory must be 512 to 10240 MB: pixels of a frame have to fit."
  }
}

variable "deletion_protection" {
  description = "Whether the table refuses to be deleted."
  type        = bool
  default     = true
}

variable "boundary_arn" {
  description = "The permission boundary of the function's role."
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
  description = "Days for which the log is kept."
  type        = number
  default     = 30
}
