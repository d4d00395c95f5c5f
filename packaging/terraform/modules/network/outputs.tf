output "vpc_id" {
  description = "The network."
  value       = aws_vpc.this.id
}

output "subnet_ids" {
  description = "The private subnets."
  value       = [for s in aws_subnet.private : s.id]
}

output "functions_security_group_id" {
  description = "The security group for functions."
  value       = aws_security_group.functions.id
}

output "shops_security_group_id" {
  description = "The security group of the shops' S3 endpoint, to which stores add themselves."
  value       = aws_security_group.s3_for_shops.id
}

output "route_table_id" {
  description = "The private subnets' route table."
  value       = aws_route_table.private.id
}

output "s3_endpoint_ids" {
  description = "The S3 endpoints through which frames may come and go."
  value       = [aws_vpc_endpoint.s3_for_shops.id, aws_vpc_endpoint.s3_for_functions.id]
}

output "s3_endpoint_url" {
  description = "s3.endpoint of the backend's configuration: the shops' endpoint by its own name."
  value       = "https://${replace(aws_vpc_endpoint.s3_for_shops.dns_entry[0].dns_name, "*.", "bucket.")}"
}

output "policies" {
  description = "The policy documents, JSON."
  value = merge(
    {
      endpoint_shops     = aws_vpc_endpoint.s3_for_shops.policy
      endpoint_functions = aws_vpc_endpoint.s3_for_functions.policy
      endpoint_dynamodb  = aws_vpc_endpoint.dynamodb.policy
      flow_log           = aws_iam_role_policy.flow.policy
    },
    { for service, endpoint in aws_vpc_endpoint.service : "endpoint_${replace(service, ".", "_")}" => endpoint.policy },
  )
}
