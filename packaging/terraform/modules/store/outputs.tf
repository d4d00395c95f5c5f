output "endpoint_ids" {
  description = "The store's own endpoint, if it has one."
  value       = aws_vpc_endpoint.dedicated[*].id
}

output "endpoint_url" {
  description = "The line endpoint of [s3.stores.<id>] in the backend's configuration; null without an endpoint of its own."
  value       = one([for e in aws_vpc_endpoint.dedicated : "https://${replace(e.dns_entry[0].dns_name, "*.", "bucket.")}"])
}

output "policy" {
  description = "The policy of its own endpoint, JSON; null without one."
  value       = one(aws_vpc_endpoint.dedicated[*].policy)
}
