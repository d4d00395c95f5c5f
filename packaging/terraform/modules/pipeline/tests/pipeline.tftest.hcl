mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  account            = { id = "111122223333", region = "eu-central-1", partition = "aws" }
  name               = "shelf"
  package            = { file = "versions.tf" } # any file: a mock does not look into it
  bucket             = "example-shelf-frames"
  bucket_arn         = "arn:aws:s3:::example-shelf-frames"
  frames_key_arn     = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  platform_key_arn   = "arn:aws:kms:eu-central-1:111122223333:key/ffffabcd-12ab-34cd-56ef-1234567890ab"
  boundary_arn       = "arn:aws:iam::111122223333:policy/shelf-boundary"
  urgent_topic_arn   = "arn:aws:sns:eu-central-1:111122223333:shelf-urgent"
  notices_topic_arn  = "arn:aws:sns:eu-central-1:111122223333:shelf-notices"
  vpc_id             = "vpc-0a1b2c3d"
  subnet_ids         = ["subnet-0a", "subnet-0b"]
  security_group_ids = ["sg-0a"]
}

# README, apply: the first image is pushed before there is a function.
run "the_repository_can_be_there_first" {
  command = apply

  plan_options {
    target = [aws_ecr_repository.backend]
  }

  variables {
    package = {}
  }

  assert {
    condition     = aws_ecr_repository.backend.name == "shelf-backend"
    error_message = "The repository must not wait for a function that waits for an image."
  }
}

run "the_pipeline_judges_and_nothing_else" {
  command = apply

  assert {
    condition = [for s in jsondecode(output.policies.pipeline).Statement : [s.Sid, s.Action, s.Resource] if s.Effect == "Allow" && s.Sid != "LambdaAttachesItToTheSubnets" && s.Sid != "WriteItsLog"] == [
      ["JudgeFrames", ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObjectTagging", "s3:PutObjectVersionTagging"], "arn:aws:s3:::example-shelf-frames/raw/*"],
      ["DecryptFrames", ["kms:Decrypt"], var.frames_key_arn],
      ["RecordFrames", ["dynamodb:PutItem"], "arn:aws:dynamodb:eu-central-1:111122223333:table/shelf-frames"],
      ["TellTheTopic", ["sns:Publish"], "arn:aws:sns:eu-central-1:111122223333:shelf-frames"],
      ["TakeFromTheQueue", ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"], "arn:aws:sqs:eu-central-1:111122223333:shelf-pipeline"],
      ["UseThePlatformsKey", ["kms:Decrypt", "kms:GenerateDataKey"], var.platform_key_arn],
    ]
    error_message = "The pipeline must read, tag, record and tell, and nothing else: not write, delete or list a frame."
  }

  assert {
    condition = [for s in jsondecode(output.policies.pipeline).Statement : s.Condition.StringEquals["kms:ViaService"] if contains(["DecryptFrames", "UseThePlatformsKey"], s.Sid)] == [
      "s3.eu-central-1.amazonaws.com", ["dynamodb.eu-central-1.amazonaws.com", "sns.eu-central-1.amazonaws.com", "sqs.eu-central-1.amazonaws.com"],
    ]
    error_message = "Keys must be used through the services that they are for."
  }
}

run "s3_tells_the_queue_and_the_queue_forgets_nothing" {
  command = apply

  assert {
    condition = (
      aws_s3_bucket_notification.frames.queue[0].queue_arn == "arn:aws:sqs:eu-central-1:111122223333:shelf-pipeline" &&
      aws_s3_bucket_notification.frames.queue[0].events == toset(["s3:ObjectCreated:*"]) &&
      aws_s3_bucket_notification.frames.queue[0].filter_prefix == "raw/"
    )
    error_message = "S3 must tell the queue of every object under raw/."
  }

  assert {
    condition = one([for s in jsondecode(aws_sqs_queue_policy.frames.policy).Statement : [s.Principal, s.Action, s.Condition] if s.Effect == "Allow"]) == [
      { Service = "s3.amazonaws.com" }, "sqs:SendMessage",
      { ArnEquals = { "aws:SourceArn" = "arn:aws:s3:::example-shelf-frames" }, StringEquals = { "aws:SourceAccount" = "111122223333" } },
    ]
    error_message = "Only our bucket may tell the queue."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.frames.redrive_policy).maxReceiveCount == 5 && aws_sqs_queue.frames.visibility_timeout_seconds >= 720
    error_message = "What cannot be judged must go to the dead-letter queue after five tries, each with time for it."
  }

  assert {
    condition     = aws_sqs_queue.frames.kms_master_key_id == var.platform_key_arn && aws_sqs_queue.dead.kms_master_key_id == var.platform_key_arn && aws_sns_topic.frames.kms_master_key_id == var.platform_key_arn
    error_message = "Queues and topic must be encrypted with our key."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.frames.function_response_types == toset(["ReportBatchItemFailures"]) && aws_lambda_event_source_mapping.frames.scaling_config[0].maximum_concurrency == 5
    error_message = "Only what failed may come again, and no more at the same time than the function takes."
  }
}

run "frames_are_recorded_for_a_while" {
  command = apply

  assert {
    condition     = aws_dynamodb_table.frames.hash_key == "key" && aws_dynamodb_table.frames.ttl[0].attribute_name == "expires_at" && aws_dynamodb_table.frames.ttl[0].enabled
    error_message = "Records are found by the object's key and end by themselves."
  }

  assert {
    condition     = aws_dynamodb_table.frames.point_in_time_recovery[0].enabled && aws_dynamodb_table.frames.server_side_encryption[0].kms_key_arn == var.platform_key_arn && aws_dynamodb_table.frames.deletion_protection_enabled
    error_message = "Records must be encrypted with our key, and come back when they are lost."
  }
}

run "what_is_no_frame_is_said" {
  command = apply

  assert {
    condition     = aws_cloudwatch_log_metric_filter.invalid.pattern == "{ $.pipeline_result = \"invalid\" }" && aws_cloudwatch_metric_alarm.invalid.metric_name == "InvalidFrames"
    error_message = "The alarm must count the function's lines about what is no frame."
  }

  assert {
    condition = alltrue([
      for a in [aws_cloudwatch_metric_alarm.invalid, aws_cloudwatch_metric_alarm.dead] :
      a.alarm_actions == toset([var.urgent_topic_arn]) && a.threshold == 0 && a.comparison_operator == "GreaterThanThreshold"
    ])
    error_message = "One frame that is none, or one that could not be judged, must be urgent."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.behind.metric_name == "ApproximateAgeOfOldestMessage" && aws_cloudwatch_metric_alarm.behind.threshold == 3600
    error_message = "A pipeline that is an hour behind must be said."
  }
}

run "images_are_what_they_were" {
  command = apply

  assert {
    condition     = aws_ecr_repository.backend.image_tag_mutability == "IMMUTABLE" && aws_ecr_repository.backend.image_scanning_configuration[0].scan_on_push
    error_message = "Images must be scanned, and tags must stay what they are."
  }

  assert {
    condition     = aws_ecr_repository.backend.encryption_configuration[0].encryption_type == "KMS" && aws_ecr_repository.backend.encryption_configuration[0].kms_key == var.platform_key_arn
    error_message = "Images must be encrypted with our key."
  }

  assert {
    condition = one(jsondecode(aws_ecr_repository_policy.backend.policy).Statement).Condition == {
      StringLike = { "aws:sourceArn" = "arn:aws:lambda:eu-central-1:111122223333:function:shelf-*" }
    }
    error_message = "Only our functions may start from the images."
  }

  assert {
    condition     = [for r in jsondecode(aws_ecr_lifecycle_policy.backend.policy).rules : r.selection.tagStatus] == ["untagged"]
    error_message = "An image with a tag may be the one that runs: it must not end by itself."
  }
}

run "one_at_a_time_in_a_trial" {
  command = apply

  variables {
    concurrency = 1
  }

  assert {
    condition     = aws_lambda_event_source_mapping.frames.scaling_config[0].maximum_concurrency == 2
    error_message = "Without a maximum five pollers ask for one function; SQS knows none below 2."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.frames.redrive_policy).maxReceiveCount == 50
    error_message = "Where one of two pollers may be throttled, a frame must have more tries before it is given up."
  }
}
