variable "name" {
  description = "What names begin with."
  type        = string
}

variable "cidr" {
  description = "The network's addresses, private and of no shop: a /16 to /22."
  type        = string
  default     = "10.64.0.0/20"

  validation {
    condition = can(cidrhost(var.cidr, 0)) && try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 22, false) && anytrue([
      startswith(var.cidr, "10."), startswith(var.cidr, "192.168."), can(regex("^172\\.(1[6-9]|2[0-9]|3[01])\\.", var.cidr)),
    ])
    error_message = "cidr must be a private network between /16 and /22, such as \"10.64.0.0/20\"."
  }
}

variable "zones" {
  description = "Availability zones, at least two: an endpoint has an address, and a price, in each."
  type        = list(string)

  validation {
    condition     = length(var.zones) >= 2 && length(var.zones) <= 6 && length(distinct(var.zones)) == length(var.zones)
    error_message = "zones must be two to six different availability zones, such as [\"eu-central-1a\", \"eu-central-1b\"]."
  }
}

variable "bucket_arn" {
  description = "The bucket for frames."
  type        = string
}

variable "shared_stores" {
  description = "The networks of each store that shares the S3 endpoint, by the store's id: they write under raw/<id>/ alone."
  type        = map(list(string))
  default     = {}

  validation {
    condition     = length(flatten(values(var.shared_stores))) == length(distinct(flatten(values(var.shared_stores))))
    error_message = "A network is one store's: shared_stores names one twice."
  }
}

variable "dedicated_cidrs" {
  description = "Networks of stores with an endpoint of their own, which have no business at the shared one."
  type        = list(string)
  default     = []
}

variable "pipeline_role_arns" {
  description = "The role that judges frames; at most one."
  type        = list(string)
  default     = []
}

variable "services" {
  description = "Services besides S3 and DynamoDB that functions need."
  type        = set(string)
  default     = ["sns"]

  validation {
    condition     = length(setsubtract(var.services, ["kms", "logs", "sns", "secretsmanager", "ecr.api", "ecr.dkr"])) == 0
    error_message = "services must be of kms, logs, sns, secretsmanager, ecr.api and ecr.dkr."
  }
}

variable "table_arns" {
  description = "The DynamoDB tables."
  type        = list(string)
}

variable "topic_arns" {
  description = "The SNS topics that functions publish to."
  type        = list(string)
  default     = []
}

variable "secret_arns" {
  description = "The secrets that functions read."
  type        = list(string)
  default     = []
}

variable "key_arns" {
  description = "The keys that functions use directly."
  type        = list(string)
  default     = []
}

variable "repository_arns" {
  description = "The ECR repositories that containers come from."
  type        = list(string)
  default     = []
}

variable "other_client_cidrs" {
  description = "Networks besides the stores' that reach S3 here, such as the one where frames are looked at."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for c in var.other_client_cidrs : can(cidrhost(c, 0)) && try(tonumber(split("/", c)[1]), 0) >= 8])
    error_message = "other_client_cidrs must be networks of /8 or smaller, such as \"10.20.0.0/24\"."
  }
}

variable "vpn_gateway" {
  description = "Whether to make a VPN gateway for shops to come in by."
  type        = bool
  default     = false
}

variable "transit_gateway_id" {
  description = "A transit gateway that shops come in by; null is none."
  type        = string
  default     = null
}

variable "resolver_cidrs" {
  description = "The networks of the shops' DNS servers, which are answered with private addresses; null is no resolver."
  type        = list(string)
  default     = null
}

variable "boundary_arn" {
  description = "The permission boundary of the role for flow logs."
  type        = string
}

variable "logs_key_arn" {
  description = "The key for the flow log."
  type        = string
}

variable "log_days" {
  description = "Days for which the flow log is kept."
  type        = number
  default     = 30
}
