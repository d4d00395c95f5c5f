# What a person has to know of the pipeline. Errors and throttles of the function are counted with the others'.

# The function's log line of a frame that is none.
resource "aws_cloudwatch_log_metric_filter" "invalid" {
  name           = "${local.name}-invalid"
  log_group_name = module.function.log_group
  pattern        = "{ $.pipeline_result = \"invalid\" }"

  metric_transformation {
    name      = "InvalidFrames"
    namespace = var.name
    value     = "1"
  }
}

resource "aws_cloudwatch_metric_alarm" "invalid" {
  alarm_name          = "${local.name}-invalid-frames"
  alarm_description   = "Something in the bucket is no frame, or not encrypted as it must be. It is tagged shelf-frame=invalid; what to do: README, incidents."
  namespace           = var.name
  metric_name         = aws_cloudwatch_log_metric_filter.invalid.metric_transformation[0].name
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.urgent_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "dead" {
  alarm_name          = "${local.name}-dead-letters"
  alarm_description   = "Frames could not be judged in five tries; what to do: README, incidents."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.urgent_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "behind" {
  alarm_name          = "${local.name}-behind"
  alarm_description   = "Frames have waited for an hour to be judged; what to do: README, incidents."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.frames.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 3
  threshold           = 3600
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.notices_topic_arn]
}
