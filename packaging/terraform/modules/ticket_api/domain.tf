# The only name by which the API is reached, and whose certificates open it.

module "trust_store" {
  source = "../bucket"

  name              = var.trust_store_bucket
  account           = var.account
  expire_days       = 0
  access_log_bucket = var.access_log_bucket
}

# Certificates are public. A new authority goes in beside the old one, until the last rig has renewed.
resource "aws_s3_object" "trust_store" {
  bucket       = module.trust_store.name
  key          = "client-ca.pem"
  content      = var.client_ca_pem
  content_type = "application/x-pem-file"

  depends_on = [module.trust_store]
}

resource "aws_api_gateway_domain_name" "this" {
  domain_name              = var.domain_name
  regional_certificate_arn = var.certificate_arn
  security_policy          = "TLS_1_2"

  endpoint_configuration {
    types = ["REGIONAL"]
  }

  # The gateway takes one version, and does not look for a newer one by itself.
  mutual_tls_authentication {
    truststore_uri     = "s3://${module.trust_store.name}/${aws_s3_object.trust_store.key}"
    truststore_version = aws_s3_object.trust_store.version_id
  }
}

# No base path: the backend takes paths as they are.
resource "aws_api_gateway_base_path_mapping" "this" {
  api_id      = aws_api_gateway_rest_api.this.id
  stage_name  = aws_api_gateway_stage.this.stage_name
  domain_name = aws_api_gateway_domain_name.this.domain_name
}

resource "aws_route53_record" "this" {
  for_each = var.zone_id == null ? toset([]) : toset(["A", "AAAA"])

  zone_id = var.zone_id
  name    = var.domain_name
  type    = each.value

  alias {
    name                   = aws_api_gateway_domain_name.this.regional_domain_name
    zone_id                = aws_api_gateway_domain_name.this.regional_zone_id
    evaluate_target_health = false
  }
}
