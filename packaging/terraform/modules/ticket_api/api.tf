# A REST API, because an HTTP API can have no firewall. It has the backend's paths and no other, and asks for no
# authorization of its own: the rigs' certificates are verified at the domain and once more by the backend.

locals {
  stage = "v1"
  calls = {
    tickets   = { path = "/v1/tickets", method = "POST", resource = aws_api_gateway_resource.call["tickets"].id }
    heartbeat = { path = "/v1/heartbeat", method = "POST", resource = aws_api_gateway_resource.call["heartbeat"].id }
    renew     = { path = "/v1/renew", method = "POST", resource = aws_api_gateway_resource.call["renew"].id }
    healthz   = { path = "/healthz", method = "GET", resource = aws_api_gateway_resource.healthz.id }
  }
}

resource "aws_api_gateway_rest_api" "this" {
  name        = local.name
  description = "Tickets for frames"

  # It asks for no client certificate.
  disable_execute_api_endpoint = true

  endpoint_configuration {
    types = ["REGIONAL"]
  }
}

resource "aws_api_gateway_resource" "v1" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  parent_id   = aws_api_gateway_rest_api.this.root_resource_id
  path_part   = "v1"
}

resource "aws_api_gateway_resource" "call" {
  for_each = toset(["tickets", "heartbeat", "renew"])

  rest_api_id = aws_api_gateway_rest_api.this.id
  parent_id   = aws_api_gateway_resource.v1.id
  path_part   = each.value
}

resource "aws_api_gateway_resource" "healthz" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  parent_id   = aws_api_gateway_rest_api.this.root_resource_id
  path_part   = "healthz"
}

resource "aws_api_gateway_method" "call" {
  for_each = local.calls

  rest_api_id   = aws_api_gateway_rest_api.this.id
  resource_id   = each.value.resource
  http_method   = each.value.method
  authorization = "NONE"
}

resource "aws_api_gateway_integration" "call" {
  for_each = local.calls

  rest_api_id             = aws_api_gateway_rest_api.this.id
  resource_id             = each.value.resource
  http_method             = aws_api_gateway_method.call[each.key].http_method
  type                    = "AWS_PROXY"
  integration_http_method = "POST" # Lambda's own, whatever the rig's was
  uri                     = module.function.invoke_arn
}

resource "aws_api_gateway_deployment" "this" {
  rest_api_id = aws_api_gateway_rest_api.this.id

  # A deployment is a copy: without this, a changed path would not go out.
  triggers = {
    paths = sha1(jsonencode([local.calls, [for i in aws_api_gateway_integration.call : i.id]]))
  }

  lifecycle {
    create_before_destroy = true
  }

  depends_on = [aws_api_gateway_integration.call]
}

resource "aws_cloudwatch_log_group" "access" {
  name              = "/${var.name}/ticket-api-access"
  retention_in_days = var.log_days
  kms_key_id        = var.platform_key_arn
}

resource "aws_api_gateway_stage" "this" {
  rest_api_id   = aws_api_gateway_rest_api.this.id
  deployment_id = aws_api_gateway_deployment.this.id
  stage_name    = local.stage

  # Who, what and how it went; no header, no query and no body.
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    format = jsonencode({
      at         = "$context.requestTimeEpoch"
      request    = "$context.requestId"
      from       = "$context.identity.sourceIp"
      subject    = "$context.identity.clientCert.subjectDN"
      serial     = "$context.identity.clientCert.serialNumber"
      method     = "$context.httpMethod"
      path       = "$context.path"
      status     = "$context.status"
      latency_ms = "$context.responseLatency"
      waf        = "$context.waf.status"
      error      = "$context.error.message"
    })
  }

  depends_on = [aws_api_gateway_account.this]
}

resource "aws_api_gateway_method_settings" "all" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  stage_name  = aws_api_gateway_stage.this.stage_name
  method_path = "*/*"

  settings {
    metrics_enabled        = true
    logging_level          = "ERROR"
    data_trace_enabled     = false # bodies hold tickets
    throttling_rate_limit  = var.requests_per_second
    throttling_burst_limit = var.requests_per_second * 2
  }
}

# Of this an account has one, in each region: the role by which every API Gateway writes its logs.
resource "aws_api_gateway_account" "this" {
  count = var.manage_api_gateway_account ? 1 : 0

  cloudwatch_role_arn = aws_iam_role.gateway_logs[0].arn
}

resource "aws_iam_role" "gateway_logs" {
  count = var.manage_api_gateway_account ? 1 : 0

  name                 = "${var.name}-api-gateway-logs"
  description          = "Lets API Gateway write logs"
  permissions_boundary = var.boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "apigateway.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "gateway_logs" {
  count = var.manage_api_gateway_account ? 1 : 0

  name = "write-logs"
  role = aws_iam_role.gateway_logs[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid    = "WriteLogs"
      Effect = "Allow"
      Action = [
        "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams",
        "logs:FilterLogEvents", "logs:GetLogEvents", "logs:PutLogEvents",
      ]
      # API Gateway checks for these on every group before it takes the role, whichever it writes to.
      Resource = "arn:${var.account.partition}:logs:${var.account.region}:${var.account.id}:log-group:*"
    }]
  })
}
