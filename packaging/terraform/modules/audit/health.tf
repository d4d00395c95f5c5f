# Whether the platform works, and what it grows to.

locals {
  # Where storage's lifecycle puts frames and what is derived from them; S3 counts each by itself.
  storage_classes = ["StandardStorage", "GlacierInstantRetrievalStorage", "IntelligentTieringFAStorage"]

  function_alarms = {
    for pair in setproduct(var.functions, ["Errors", "Throttles"]) : "${pair[0]}-${lower(pair[1])}" => { function = pair[0], metric = pair[1] }
  }
}

resource "aws_cloudwatch_metric_alarm" "function" {
  for_each = local.function_alarms

  alarm_name          = each.key
  alarm_description   = "The function ${each.value.function} has ${lower(each.value.metric)}; what to do: README, incidents."
  namespace           = "AWS/Lambda"
  metric_name         = each.value.metric
  dimensions          = { FunctionName = each.value.function }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 2
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this["urgent"].arn]
}

resource "aws_cloudwatch_metric_alarm" "api" {
  count = var.api == null ? 0 : 1

  alarm_name          = "${var.name}-api-5xx"
  alarm_description   = "Rigs get no tickets: the API answers with 5xx; what to do: README, incidents."
  namespace           = "AWS/ApiGateway"
  metric_name         = "5XXError"
  dimensions          = { ApiName = var.api.name, Stage = var.api.stage }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 2
  threshold           = 5
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this["urgent"].arn]
}

# S3 counts once a day.
resource "aws_cloudwatch_metric_alarm" "size" {
  count = var.thresholds.stored_gib > 0 ? 1 : 0

  alarm_name          = "${var.name}-storage-size"
  alarm_description   = "The bucket holds more than ${var.thresholds.stored_gib} GiB; what to do: README, incidents."
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.thresholds.stored_gib * 1073741824
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this["notices"].arn]

  metric_query {
    id          = "all"
    expression  = "SUM(METRICS())"
    label       = "bytes in all storage classes"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = local.storage_classes

    content {
      id = "m${metric_query.key}"

      metric {
        namespace   = "AWS/S3"
        metric_name = "BucketSizeBytes"
        dimensions  = { BucketName = var.bucket, StorageType = metric_query.value }
        period      = 86400
        stat        = "Average"
      }
    }
  }
}

resource "aws_budgets_budget" "this" {
  count = var.thresholds.monthly_usd > 0 ? 1 : 0

  name         = var.name
  budget_type  = "COST"
  limit_amount = tostring(var.thresholds.monthly_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  dynamic "notification" {
    for_each = { ACTUAL = 80, FORECASTED = 100 }

    content {
      notification_type         = notification.key
      comparison_operator       = "GREATER_THAN"
      threshold                 = notification.value
      threshold_type            = "PERCENTAGE"
      subscriber_sns_topic_arns = [aws_sns_topic.this["notices"].arn]
    }
  }
}
