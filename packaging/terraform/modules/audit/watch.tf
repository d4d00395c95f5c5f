# Lines of the trail that a person has to know of. Each has its steps in the README, by the name that it has here.

locals {
  break_glass_names = [for arn in var.break_glass_role_arns : element(split("/", arn), length(split("/", arn)) - 1)]

  watched = merge({
    access-denied = {
      what    = "Many requests were refused"
      pattern = "{ ($.errorCode = \"*UnauthorizedOperation\") || ($.errorCode = \"AccessDenied*\") }"
      more    = var.thresholds.refusals
      urgent  = true
    }
    bulk-download = {
      what    = "Somebody reads many frames"
      pattern = "{ ($.eventName = \"GetObject\") && ($.requestParameters.bucketName = \"${var.bucket}\") && (($.userIdentity.sessionContext.sessionIssuer.arn NOT EXISTS) || ($.userIdentity.sessionContext.sessionIssuer.arn != \"${var.pipeline_role_arn}\")) }"
      more    = var.thresholds.downloads
      urgent  = true
    }
    deletion = {
      what    = "Somebody tries to delete frames, or to change how long they are kept"
      pattern = "{ (($.eventName = \"Delete*\") || ($.eventName = \"PutObjectRetention\") || ($.eventName = \"PutObjectLegalHold\") || ($.eventName = \"PutBucketLifecycle*\") || ($.eventName = \"PutBucketObjectLock*\") || ($.eventName = \"PutObjectLockConfiguration\")) && ($.requestParameters.bucketName = \"${var.bucket}\") }"
      more    = 0
      urgent  = true
    }
    key-disabled = {
      what    = "A key was disabled, or is to be deleted"
      pattern = "{ ($.eventSource = \"kms.amazonaws.com\") && (($.eventName = \"DisableKey\") || ($.eventName = \"ScheduleKeyDeletion\") || ($.eventName = \"DisableKeyRotation\")) }"
      more    = 0
      urgent  = true
    }
    bucket-policy = {
      what    = "A bucket's policy or protection was changed"
      pattern = "{ ($.eventSource = \"s3.amazonaws.com\") && (($.eventName = \"PutBucketAcl\") || ($.eventName = \"*BucketPolicy\") || ($.eventName = \"*BucketCors\") || ($.eventName = \"*BucketReplication\") || ($.eventName = \"*PublicAccessBlock\") || ($.eventName = \"*BucketEncryption\") || ($.eventName = \"PutBucketVersioning\") || ($.eventName = \"PutBucketLogging\")) && ($.eventName != \"Get*\") }"
      more    = 0
      urgent  = true
    }
    key-policy = {
      what    = "A key's policy or grants were changed"
      pattern = "{ ($.eventSource = \"kms.amazonaws.com\") && (($.eventName = \"PutKeyPolicy\") || (($.eventName = \"CreateGrant\") && ($.userIdentity.type != \"AWSService\") && ($.userIdentity.invokedBy NOT EXISTS))) }"
      more    = 0
      urgent  = true
    }
    iam-policy = {
      what    = "A role or one of its policies was changed"
      pattern = "{ ($.eventSource = \"iam.amazonaws.com\") && (($.eventName = \"Put*Policy\") || ($.eventName = \"Attach*Policy\") || ($.eventName = \"Detach*Policy\") || ($.eventName = \"Delete*Policy*\") || ($.eventName = \"Create*Policy*\") || ($.eventName = \"SetDefaultPolicyVersion\") || ($.eventName = \"UpdateAssumeRolePolicy\") || ($.eventName = \"*PermissionsBoundary\")) }"
      more    = 0
      urgent  = false
    }
    trail-changed = {
      what    = "The trail was changed or stopped"
      pattern = "{ ($.eventSource = \"cloudtrail.amazonaws.com\") && (($.eventName = \"StopLogging\") || ($.eventName = \"DeleteTrail\") || ($.eventName = \"UpdateTrail\") || ($.eventName = \"PutEventSelectors\")) }"
      more    = 0
      urgent  = true
    }
    # Who is about to do harm first sees to it that nobody hears of it.
    alarms-changed = {
      what    = "An alarm, or the way from it to people, was changed or taken away"
      pattern = "{ ($.eventName = \"DeleteAlarms\") || ($.eventName = \"DisableAlarmActions\") || ($.eventName = \"DeleteMetricFilter\") || ($.eventName = \"DeleteLogGroup\") || ($.eventName = \"DeleteTopic\") || ($.eventName = \"Unsubscribe\") || ($.eventName = \"SetTopicAttributes\") || ($.eventName = \"DisableRule\") || ($.eventName = \"DeleteRule\") || ($.eventName = \"RemoveTargets\") || (($.eventName = \"PutMetricAlarm\") && ($.requestParameters.alarmName = \"${var.name}-*\")) || (($.eventName = \"PutMetricFilter\") && ($.requestParameters.filterName = \"${var.name}-*\")) }"
      more    = 0
      urgent  = true
    }
    watchmen-changed = {
      what    = "GuardDuty, Macie, Security Hub or Config was changed or stopped"
      pattern = "{ ($.eventName = \"DeleteDetector\") || ($.eventName = \"UpdateDetector\") || ($.eventName = \"DisableMacie\") || ($.eventName = \"DisableSecurityHub\") || ($.eventName = \"StopConfigurationRecorder\") || ($.eventName = \"DeleteConfigurationRecorder\") || ($.eventName = \"DeleteDeliveryChannel\") }"
      more    = 0
      urgent  = true
    }
    pipeline-changed = {
      what    = "S3 no longer tells the pipeline of frames, or the queue its function"
      pattern = "{ (($.eventName = \"PutBucketNotification*\") && ($.requestParameters.bucketName = \"${var.bucket}\")) || ($.eventName = \"UpdateEventSourceMapping*\") || ($.eventName = \"DeleteEventSourceMapping*\") }"
      more    = 0
      urgent  = true
    }
    network-changed = {
      what    = "The network got another way out or in"
      pattern = "{ ($.eventName = \"CreateInternetGateway\") || ($.eventName = \"AttachInternetGateway\") || ($.eventName = \"CreateNatGateway\") || ($.eventName = \"CreateRoute\") || ($.eventName = \"ReplaceRoute\") || ($.eventName = \"ModifyVpcEndpoint\") || ($.eventName = \"DeleteVpcEndpoints\") || ($.eventName = \"CreateVpcPeeringConnection\") || ($.eventName = \"AuthorizeSecurityGroup*\") }"
      more    = 0
      urgent  = false
    }
    root-used = {
      what    = "The account's root user did something"
      pattern = "{ ($.userIdentity.type = \"Root\") && ($.userIdentity.invokedBy NOT EXISTS) && ($.eventType != \"AwsServiceEvent\") }"
      more    = 0
      urgent  = true
    }
    }, length(local.break_glass_names) == 0 ? {} : {
    break-glass = {
      what    = "The break-glass role was taken"
      pattern = "{ ($.eventName = \"AssumeRole*\") && (${join(" || ", [for arn in var.break_glass_role_arns : "($.requestParameters.roleArn = \"${arn}\")"])}) }"
      more    = 0
      urgent  = true
    }
  })
}

resource "aws_cloudwatch_log_metric_filter" "this" {
  for_each = { for name, watch in local.watched : name => watch if local.watched_group != null }

  name           = "${var.name}-${each.key}"
  log_group_name = local.watched_group
  pattern        = each.value.pattern

  metric_transformation {
    name      = each.key
    namespace = "${var.name}/trail"
    value     = "1"
  }

  depends_on = [aws_cloudwatch_log_group.trail]
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = aws_cloudwatch_log_metric_filter.this

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${local.watched[each.key].what}; what to do: README, incidents."
  namespace           = "${var.name}/trail"
  metric_name         = each.key
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = local.watched[each.key].more
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [local.watched[each.key].urgent ? aws_sns_topic.this["urgent"].arn : aws_sns_topic.this["notices"].arn]
}
