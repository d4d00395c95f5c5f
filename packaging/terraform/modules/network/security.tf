# Who may open a connection to whom. Groups instead of addresses wherever both ends are ours.

resource "aws_security_group" "s3_for_shops" {
  name        = "${var.name}-s3-for-shops"
  description = "The S3 endpoint: HTTPS from the shops networks alone"
  vpc_id      = aws_vpc.this.id
}

# Rules from the stores' networks come with each store; these are for networks that are not a store's.
resource "aws_vpc_security_group_ingress_rule" "others" {
  for_each = toset(var.other_client_cidrs)

  security_group_id = aws_security_group.s3_for_shops.id
  description       = "HTTPS from ${each.value}"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_security_group" "functions" {
  name        = "${var.name}-functions"
  description = "Functions: nothing in, HTTPS out to endpoints alone"
  vpc_id      = aws_vpc.this.id
}

resource "aws_security_group" "services" {
  name        = "${var.name}-services"
  description = "Endpoints of AWS services: HTTPS from the functions alone"
  vpc_id      = aws_vpc.this.id
}

resource "aws_vpc_security_group_ingress_rule" "services" {
  security_group_id            = aws_security_group.services.id
  description                  = "HTTPS from the functions"
  referenced_security_group_id = aws_security_group.functions.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_egress_rule" "to_services" {
  security_group_id            = aws_security_group.functions.id
  description                  = "HTTPS to the endpoints"
  referenced_security_group_id = aws_security_group.services.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_egress_rule" "to_gateways" {
  for_each = {
    s3       = aws_vpc_endpoint.s3_for_functions.prefix_list_id
    dynamodb = aws_vpc_endpoint.dynamodb.prefix_list_id
  }

  security_group_id = aws_security_group.functions.id
  description       = "HTTPS to ${each.key} through its gateway endpoint"
  prefix_list_id    = each.value
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
