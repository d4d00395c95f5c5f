output "function" {
  description = "The function's name."
  value       = module.function.name
}

output "queue" {
  description = "The queue that S3 tells, and that of what could not be judged."
  value = {
    name     = aws_sqs_queue.frames.name
    url      = aws_sqs_queue.frames.url
    arn      = local.queue_arn
    dead     = aws_sqs_queue.dead.name
    dead_url = aws_sqs_queue.dead.url
  }
}

output "topic_arn" {
  description = "The topic that is told of every frame."
  value       = aws_sns_topic.frames.arn
}

output "table" {
  description = "The table of frames."
  value       = { name = aws_dynamodb_table.frames.name, arn = local.table_arn }
}

output "repository_url" {
  description = "Where images of the backend are pushed."
  value       = aws_ecr_repository.backend.repository_url
}

output "policies" {
  description = "The policy documents, JSON."
  value = {
    pipeline   = module.function.policy
    queue      = aws_sqs_queue_policy.frames.policy
    dead_queue = aws_sqs_queue_policy.dead.policy
    topic      = aws_sns_topic_policy.frames.policy
  }
}
