# What a mocked AWS answers. Where nothing is said here, the mock makes up texts; the provider wants ARNs that look
# like one.

mock_resource "aws_kms_key" {
  defaults = {
    arn    = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    key_id = "1234abcd-12ab-34cd-56ef-1234567890ab"
  }
}

mock_resource "aws_iam_role" {
  defaults = {
    arn = "arn:aws:iam::111122223333:role/mocked"
  }
}

mock_resource "aws_iam_policy" {
  defaults = {
    arn = "arn:aws:iam::111122223333:policy/mocked"
  }
}

mock_resource "aws_lambda_function" {
  defaults = {
    arn        = "arn:aws:lambda:eu-central-1:111122223333:function:mocked"
    invoke_arn = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:111122223333:function:mocked/invocations"
  }
}

mock_resource "aws_cloudwatch_log_group" {
  defaults = {
    arn = "arn:aws:logs:eu-central-1:111122223333:log-group:mocked"
  }
}

mock_resource "aws_vpc_endpoint" {
  defaults = {
    id        = "vpce-0a1b2c3d"
    dns_entry = [{ dns_name = "*.vpce-0a1b2c3d-4e5f6a7b.s3.eu-central-1.vpce.amazonaws.com", hosted_zone_id = "Z0" }]
  }
}

mock_resource "aws_security_group" {
  defaults = {
    id = "sg-0a1b2c3d"
  }
}

mock_resource "aws_vpc" {
  defaults = {
    id = "vpc-0a1b2c3d"
  }
}

mock_resource "aws_api_gateway_rest_api" {
  defaults = {
    execution_arn = "arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5"
  }
}

mock_resource "aws_api_gateway_stage" {
  defaults = {
    arn = "arn:aws:apigateway:eu-central-1::/restapis/a1b2c3d4e5/stages/v1"
  }
}

mock_resource "aws_wafv2_web_acl" {
  defaults = {
    arn = "arn:aws:wafv2:eu-central-1:111122223333:regional/webacl/mocked/1234abcd"
  }
}

mock_resource "aws_secretsmanager_secret" {
  defaults = {
    arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:shelf/ca-key-AbCdEf"
  }
}

mock_resource "aws_dynamodb_table" {
  defaults = {
    arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/mocked"
  }
}

mock_resource "aws_sns_topic" {
  defaults = {
    arn = "arn:aws:sns:eu-central-1:111122223333:mocked"
  }
}

mock_resource "aws_sqs_queue" {
  defaults = {
    arn = "arn:aws:sqs:eu-central-1:111122223333:mocked"
    url = "https://sqs.eu-central-1.amazonaws.com/111122223333/mocked"
  }
}

mock_resource "aws_cloudtrail" {
  defaults = {
    arn = "arn:aws:cloudtrail:eu-central-1:111122223333:trail/mocked"
  }
}

mock_data "aws_caller_identity" {
  defaults = {
    account_id = "111122223333"
  }
}

mock_data "aws_region" {
  defaults = {
    id = "eu-central-1"
  }
}

mock_data "aws_partition" {
  defaults = {
    partition = "aws"
  }
}
