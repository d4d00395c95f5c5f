output "urgent_topic_arn" {
  description = "Where people are told what cannot wait."
  value       = aws_sns_topic.this["urgent"].arn
}

output "notices_topic_arn" {
  description = "Where people are told what can wait."
  value       = aws_sns_topic.this["notices"].arn
}

output "trail_arn" {
  description = "The trail; null without."
  value       = one(aws_cloudtrail.this[*].arn)
}

output "alarms" {
  description = "The names of the alarms here."
  value = sort(concat(
    [for a in aws_cloudwatch_metric_alarm.this : a.alarm_name],
    [for a in aws_cloudwatch_metric_alarm.function : a.alarm_name],
    aws_cloudwatch_metric_alarm.api[*].alarm_name,
    aws_cloudwatch_metric_alarm.size[*].alarm_name,
  ))
}

output "policies" {
  description = "The policy documents, JSON."
  value = merge(
    {
      audit_bucket  = module.trail_bucket.policy
      topic_urgent  = aws_sns_topic_policy.this["urgent"].policy
      topic_notices = aws_sns_topic_policy.this["notices"].policy
    },
    { for policy in aws_iam_role_policy.trail[*].policy : "trail" => policy },
    { for policy in module.config_bucket[*].policy : "config_bucket" => policy },
  )
}
