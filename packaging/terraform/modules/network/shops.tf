# How shops come in. The VPN connections and Direct Connect links themselves are the network team's: their pre-shared
# keys would stand in Terraform's state.

resource "aws_vpn_gateway" "this" {
  count = var.vpn_gateway ? 1 : 0

  vpc_id = aws_vpc.this.id

  tags = { Name = var.name }
}

resource "aws_vpn_gateway_route_propagation" "this" {
  count = var.vpn_gateway ? 1 : 0

  vpn_gateway_id = aws_vpn_gateway.this[0].id
  route_table_id = aws_route_table.private.id
}

resource "aws_ec2_transit_gateway_vpc_attachment" "this" {
  count = var.transit_gateway_id == null ? 0 : 1

  transit_gateway_id = var.transit_gateway_id
  vpc_id             = aws_vpc.this.id
  subnet_ids         = [for s in aws_subnet.private : s.id]

  tags = { Name = var.name }
}

# Answers the shops' DNS servers, so that S3's ordinary names lead to the endpoint. Without it, rigs use the endpoint's
# own name, which public DNS knows.
resource "aws_security_group" "resolver" {
  count = var.resolver_cidrs == null ? 0 : 1

  name        = "${var.name}-resolver"
  description = "DNS from the shops networks"
  vpc_id      = aws_vpc.this.id
}

resource "aws_vpc_security_group_ingress_rule" "resolver" {
  for_each = { for rule in setproduct(coalesce(var.resolver_cidrs, []), ["tcp", "udp"]) : join(" ", rule) => rule }

  security_group_id = aws_security_group.resolver[0].id
  description       = "DNS from ${each.value[0]}"
  cidr_ipv4         = each.value[0]
  ip_protocol       = each.value[1]
  from_port         = 53
  to_port           = 53
}

resource "aws_route53_resolver_endpoint" "inbound" {
  count = var.resolver_cidrs == null ? 0 : 1

  name               = "${var.name}-inbound"
  direction          = "INBOUND"
  security_group_ids = [aws_security_group.resolver[0].id]

  dynamic "ip_address" {
    for_each = aws_subnet.private

    content {
      subnet_id = ip_address.value.id
    }
  }
}
