variable "account" {
  description = "Where this is: the account's id, the region and the partition (aws, aws-cn, aws-us-gov)."
  type = object({
    id        = string
    region    = string
    partition = string
  })

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account.id))
    error_message = "account.id must be the 12 digits of an AWS account."
  }
}
