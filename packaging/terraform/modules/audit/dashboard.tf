# One page: are frames coming in, are rigs served, is anything refused?

locals {
  graphs = concat(
    [{ title = "Frames that are none", metrics = [[var.name, "InvalidFrames", { stat = "Sum" }]] }],
    [for q in var.queues : { title = "Queue ${q}", metrics = [
      ["AWS/SQS", "NumberOfMessagesSent", "QueueName", q, { stat = "Sum" }],
      ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", q, { stat = "Maximum" }],
      ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", q, { stat = "Maximum", yAxis = "right" }],
    ] }],
    [for f in var.functions : { title = "Function ${f}", metrics = [
      ["AWS/Lambda", "Invocations", "FunctionName", f, { stat = "Sum" }],
      ["AWS/Lambda", "Errors", "FunctionName", f, { stat = "Sum" }],
      ["AWS/Lambda", "Throttles", "FunctionName", f, { stat = "Sum" }],
      ["AWS/Lambda", "Duration", "FunctionName", f, { stat = "p95", yAxis = "right" }],
    ] }],
    [for a in [var.api] : { title = "Ticket API", metrics = [
      ["AWS/ApiGateway", "Count", "ApiName", a.name, "Stage", a.stage, { stat = "Sum" }],
      ["AWS/ApiGateway", "4XXError", "ApiName", a.name, "Stage", a.stage, { stat = "Sum" }],
      ["AWS/ApiGateway", "5XXError", "ApiName", a.name, "Stage", a.stage, { stat = "Sum" }],
      ["AWS/ApiGateway", "Latency", "ApiName", a.name, "Stage", a.stage, { stat = "p95", yAxis = "right" }],
    ] } if a != null],
    [for w in compact([var.waf]) : { title = "Firewall", metrics = [
      ["AWS/WAFV2", "AllowedRequests", "WebACL", w, "Region", var.account.region, "Rule", "ALL", { stat = "Sum" }],
      ["AWS/WAFV2", "BlockedRequests", "WebACL", w, "Region", var.account.region, "Rule", "ALL", { stat = "Sum" }],
    ] }],
    [
      { title = "What the trail saw", metrics = [for name in keys(local.watched) : ["${var.name}/trail", name, { stat = "Sum" }]] },
      { title = "Bytes stored", metrics = [
        for class in local.storage_classes :
        ["AWS/S3", "BucketSizeBytes", "BucketName", var.bucket, "StorageType", class, { stat = "Average", period = 86400 }]
      ] },
    ],
  )
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name

  dashboard_body = jsonencode({
    widgets = [for i, graph in local.graphs : {
      type   = "metric"
      x      = (i % 2) * 12
      y      = floor(i / 2) * 6
      width  = 12
      height = 6
      properties = {
        title   = graph.title
        region  = var.account.region
        metrics = graph.metrics
        period  = 300
      }
    }]
  })
}
