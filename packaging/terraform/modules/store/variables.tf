variable "name" {
  description = "What names begin with."
  type        = string
}

variable "store" {
  description = "The store's id, as it stands in its rigs' certificates."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9._-]{0,62}$", var.store))
    error_message = "A store's id must be lower-case letters, digits, dots, dashes and underscores, at most 63, beginning with a letter or digit."
  }
}

variable "cidrs" {
  description = "The store's networks, as the VPC sees them. None: it comes over the internet."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for c in var.cidrs : can(cidrhost(c, 0)) && try(tonumber(split("/", c)[1]), 0) >= 16])
    error_message = "A store's networks must be CIDRs of /16 or smaller, such as \"10.20.0.0/24\"."
  }
}

variable "dedicated_endpoint" {
  description = "Whether the store has an S3 endpoint of its own: dearer, and the strictest there is."
  type        = bool
  default     = false
}

variable "bucket_arn" {
  description = "The bucket for frames."
  type        = string
}

variable "network" {
  description = "Where the endpoints are; null without a private network."
  type = object({
    account_id              = string
    region                  = string
    vpc_id                  = string
    subnet_ids              = list(string)
    route_table_id          = string
    shops_security_group_id = string
    transit_gateway_id      = optional(string)
  })
  default = null
}
