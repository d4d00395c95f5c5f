mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  account           = { id = "111122223333", region = "eu-central-1", partition = "aws" }
  name              = "shelf"
  bucket            = "example-shelf-frames"
  bucket_arn        = "arn:aws:s3:::example-shelf-frames"
  audit_bucket      = "example-shelf-audit"
  platform_key_arn  = "arn:aws:kms:eu-central-1:111122223333:key/ffffabcd-12ab-34cd-56ef-1234567890ab"
  boundary_arn      = "arn:aws:iam::111122223333:policy/shelf-boundary"
  pipeline_role_arn = "arn:aws:iam::111122223333:role/shelf-pipeline"
  functions         = ["shelf-ticket-api", "shelf-pipeline"]
  queues            = ["shelf-pipeline"]
  api               = { name = "shelf-ticket-api", stage = "v1" }
  urgent_emails     = ["oncall@example.com"]
}

run "whatever_is_done_is_written_down" {
  command = apply

  assert {
    condition     = aws_cloudtrail.this[0].enable_log_file_validation && aws_cloudtrail.this[0].is_multi_region_trail && aws_cloudtrail.this[0].enable_logging
    error_message = "The trail must be on, in all regions, and its files must be provable."
  }

  assert {
    condition     = aws_cloudtrail.this[0].kms_key_id == var.platform_key_arn && aws_cloudtrail.this[0].cloud_watch_logs_group_arn != null
    error_message = "The trail must be encrypted with our key, and readable by alarms."
  }

  assert {
    condition = length([
      for s in aws_cloudtrail.this[0].advanced_event_selector : s if length([
        for f in s.field_selector : f if f.field == "resources.ARN" && f.starts_with == tolist(["arn:aws:s3:::example-shelf-frames/"])
      ]) == 1
    ]) == 1
    error_message = "Every access to a frame must be in the trail."
  }

  assert {
    condition = [for s in jsondecode(output.policies.audit_bucket).Statement : [s.Action, s.Principal, s.Condition.StringEquals["aws:SourceArn"]] if s.Effect == "Allow"] == [
      ["s3:GetBucketAcl", { Service = "cloudtrail.amazonaws.com" }, "arn:aws:cloudtrail:eu-central-1:111122223333:trail/shelf"],
      ["s3:PutObject", { Service = "cloudtrail.amazonaws.com" }, "arn:aws:cloudtrail:eu-central-1:111122223333:trail/shelf"],
    ]
    error_message = "Only our trail may write to its bucket."
  }

  assert {
    condition     = aws_cloudwatch_log_group.trail[0].retention_in_days == 365
    error_message = "The trail must be kept for a year by default."
  }

  assert {
    condition     = aws_iam_role.trail[0].permissions_boundary == var.boundary_arn && !contains(jsondecode(aws_iam_role_policy.trail[0].policy).Statement[*].Resource, "*")
    error_message = "The trail's role must have the boundary, and write its own log alone."
  }
}

run "the_trails_lock_can_come_later" {
  command = apply

  variables {
    lock_audit = false
  }

  assert {
    condition     = module.trail_bucket.lockable
    error_message = "Whether the trail's files are locked must not depend on which bucket it is."
  }
}

run "somebody_is_told" {
  command = apply

  variables {
    break_glass_role_arns = ["arn:aws:iam::111122223333:role/break-glass"]
    thresholds            = { stored_gib = 500, monthly_usd = 200 }
  }

  assert {
    condition = toset([for a in aws_cloudwatch_metric_alarm.this : trimprefix(a.alarm_name, "shelf-")]) == toset([
      "access-denied", "bulk-download", "deletion", "key-disabled", "bucket-policy", "key-policy", "iam-policy",
      "trail-changed", "alarms-changed", "watchmen-changed", "pipeline-changed", "network-changed", "root-used", "break-glass",
    ])
    error_message = "Each line of the trail that matters must have its alarm."
  }

  assert {
    condition = alltrue([
      for name in ["access-denied", "bulk-download", "deletion", "key-disabled", "bucket-policy", "trail-changed", "alarms-changed", "watchmen-changed", "pipeline-changed", "break-glass"] :
      aws_cloudwatch_metric_alarm.this[name].alarm_actions == toset([output.urgent_topic_arn]) && local.watched[name].urgent
    ])
    error_message = "What looks like an attack must be urgent."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["key-disabled"].threshold == 0 && aws_cloudwatch_metric_alarm.this["access-denied"].threshold == 20
    error_message = "One key that is disabled is enough; refusals come one by one."
  }

  assert {
    condition = alltrue([
      for event in ["DisableKey", "ScheduleKeyDeletion"] : strcontains(aws_cloudwatch_log_metric_filter.this["key-disabled"].pattern, "\"${event}\"")
    ])
    error_message = "A key that is disabled or to be deleted must be seen."
  }

  assert {
    condition = alltrue(flatten([
      for name, events in {
        alarms-changed = [
          "DeleteAlarms", "DisableAlarmActions", "PutMetricAlarm", "DeleteMetricFilter", "PutMetricFilter", "DeleteLogGroup",
          "DeleteTopic", "Unsubscribe", "SetTopicAttributes", "DisableRule", "DeleteRule", "RemoveTargets",
        ]
        watchmen-changed = [
          "DeleteDetector", "UpdateDetector", "DisableMacie", "DisableSecurityHub", "StopConfigurationRecorder",
          "DeleteConfigurationRecorder", "DeleteDeliveryChannel",
        ]
        pipeline-changed = ["PutBucketNotification*", "UpdateEventSourceMapping*", "DeleteEventSourceMapping*"]
        bucket-policy    = ["PutBucketLogging"]
        iam-policy       = ["SetDefaultPolicyVersion", "Delete*Policy*"]
      } : [for event in events : strcontains(aws_cloudwatch_log_metric_filter.this[name].pattern, "($.eventName = \"${event}\")")]
    ]))
    error_message = "Whoever makes alarms, watchmen or the pipeline silent must be seen."
  }

  assert {
    condition     = strcontains(aws_cloudwatch_log_metric_filter.this["bulk-download"].pattern, "sessionIssuer.arn != \"arn:aws:iam::111122223333:role/shelf-pipeline\"")
    error_message = "The pipeline reads every frame once: it is no bulk download."
  }

  assert {
    condition     = alltrue([for f in aws_cloudwatch_log_metric_filter.this : f.log_group_name == "/shelf/trail" && length(f.pattern) <= 1024])
    error_message = "Alarms must read the trail's log, by patterns that CloudWatch takes."
  }

  assert {
    condition     = toset([for a in aws_cloudwatch_metric_alarm.function : a.alarm_name]) == toset(["shelf-ticket-api-errors", "shelf-ticket-api-throttles", "shelf-pipeline-errors", "shelf-pipeline-throttles"])
    error_message = "Errors and throttles of each function must be alarmed."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.size[0].threshold == 536870912000 && aws_budgets_budget.this[0].limit_amount == "200"
    error_message = "Storage and cost that grow beyond what is expected must be said."
  }

  assert {
    condition     = aws_sns_topic_subscription.email["urgent oncall@example.com"].endpoint == "oncall@example.com"
    error_message = "Whoever is on call must be subscribed."
  }

  assert {
    condition     = alltrue([for t in aws_sns_topic.this : t.kms_master_key_id == var.platform_key_arn])
    error_message = "Topics must be encrypted with our key."
  }

  assert {
    condition = alltrue([
      for p in aws_sns_topic_policy.this : one([for s in jsondecode(p.policy).Statement : s.Condition if s.Sid == "AlarmsAndBudgets"]) == { StringEquals = { "aws:SourceAccount" = "111122223333" } }
    ])
    error_message = "Only this account's alarms may speak to the topics."
  }
}

run "findings_go_where_they_belong" {
  command = apply

  assert {
    condition = (
      jsondecode(aws_cloudwatch_event_rule.finding["guardduty-urgent"].event_pattern).detail.severity == [{ numeric = [">=", 7] }] &&
      jsondecode(aws_cloudwatch_event_rule.finding["guardduty-notice"].event_pattern).detail.severity == [{ numeric = [">=", 4, "<", 7] }] &&
      jsondecode(aws_cloudwatch_event_rule.finding["securityhub-urgent"].event_pattern).detail.findings.Severity.Label == ["CRITICAL", "HIGH"] &&
      jsondecode(aws_cloudwatch_event_rule.finding["macie-urgent"].event_pattern).detail.severity.description == ["High"]
    )
    error_message = "Bad findings must be urgent, middling ones notices."
  }

  assert {
    condition     = alltrue([for name, f in local.findings : f.to == (endswith(name, "-urgent") ? "urgent" : "notices")])
    error_message = "Findings must go to the topic that their rule is named after."
  }

  assert {
    condition     = length(aws_guardduty_detector.this) + length(aws_macie2_account.this) + length(aws_securityhub_account.this) + length(aws_config_configuration_recorder.this) == 0
    error_message = "Watchmen that an account may have centrally must be off unless told otherwise."
  }
}

run "our_own_watchmen" {
  command = apply

  variables {
    guardduty   = true
    macie       = true
    securityhub = true
    config      = true
  }

  assert {
    condition     = aws_guardduty_detector.this[0].enable && aws_guardduty_detector_feature.s3[0].name == "S3_DATA_EVENTS" && aws_guardduty_detector_feature.s3[0].status == "ENABLED"
    error_message = "GuardDuty must watch S3."
  }

  assert {
    condition     = aws_macie2_account.this[0].status == "ENABLED" && length(aws_securityhub_standards_subscription.this) == 2
    error_message = "Macie and Security Hub, with FSBP and CIS, must be on."
  }

  assert {
    condition     = aws_config_configuration_recorder_status.this[0].is_enabled && length(aws_config_config_rule.this) >= 15
    error_message = "Config must record, and judge."
  }

  assert {
    condition     = alltrue([for name, rule in local.config_rules : length(setsubtract(rule.of, aws_config_configuration_recorder.this[0].recording_group[0].resource_types)) == 0])
    error_message = "What rules look at must be recorded."
  }
}

run "a_trail_that_is_there_already" {
  command = apply

  variables {
    trail           = false
    trail_log_group = "organisation-trail"
  }

  assert {
    condition     = length(aws_cloudtrail.this) == 0 && alltrue([for f in aws_cloudwatch_log_metric_filter.this : f.log_group_name == "organisation-trail"])
    error_message = "Alarms must read the trail that is there."
  }
}

run "the_page_shows_what_there_is" {
  command = apply

  assert {
    condition = alltrue([
      for title in ["Frames that are none", "Queue shelf-pipeline", "Function shelf-ticket-api", "Ticket API", "What the trail saw", "Bytes stored"] :
      contains(jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets[*].properties.title, title)
    ])
    error_message = "The dashboard must show frames, queues, functions, the API, the trail and what is stored."
  }
}
