package terraform

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// mistake is one that somebody could make, and what a test must say then.
type mistake struct {
	name     string
	module   string // below modules/
	file     string // of the module
	old, new string // old is there once
	tests    string // the file of tests that must notice
	says     string // a part of the message of the assertion that must fail
}

var mistakes = []mistake{
	// The bucket.
	{"governance instead of compliance", "storage", "main.tf", `mode = "COMPLIANCE"`, `mode = "GOVERNANCE"`, "settings", "locked in compliance mode"},
	{"a lock of a day", "storage", "variables.tf", `var.lock_days >= 30`, `var.lock_days >= 1`, "refusals", "Missing expected failure"},
	{"a public policy is possible", "storage", "main.tf", "resource \"aws_s3_bucket_public_access_block\" \"frames\" {\n  bucket                  = aws_s3_bucket.frames.id\n  block_public_acls       = true\n  block_public_policy     = true",
		"resource \"aws_s3_bucket_public_access_block\" \"frames\" {\n  bucket                  = aws_s3_bucket.frames.id\n  block_public_acls       = true\n  block_public_policy     = false", "settings", "All four blocks of public access"},
	{"access control lists", "storage", "main.tf", `"BucketOwnerEnforced"`, `"BucketOwnerPreferred"`, "settings", "Access control lists must be off"},
	{"AWS's key instead of ours", "storage", "main.tf", `kms_master_key_id = module.key.arn`, `kms_master_key_id = null`, "settings", "customer-managed key"},
	{"versions are not kept", "storage", "main.tf", `status = "Enabled"`, `status = "Suspended"`, "settings", "Versions must be kept"},
	{"plain HTTP", "storage", "guards.tf", `Condition = { Bool = { "aws:SecureTransport" = "false" } }`, `Condition = { Bool = { "aws:SecureTransport" = "true" } }`, "guards", "Plain HTTP must be refused"},
	{"a PUT may overwrite", "storage", "guards.tf", `Condition = { Null = { "s3:if-none-match" = "true" } }`, `Condition = { Null = { "s3:if-none-match" = "false" } }`, "guards", "without if-none-match"},
	{"only a key that is named must be ours", "storage", "guards.tf", `StringNotEquals = { "s3:x-amz-server-side-encryption-aws-kms-key-id"`, `StringNotEqualsIfExists = { "s3:x-amz-server-side-encryption-aws-kms-key-id"`, "guards", "A PUT with another key"},
	{"tickets for an hour", "storage", "guards.tf", `"900000"`, `"3600000"`, "guards", "older than 15 minutes"},
	{"anybody may delete", "storage", "guards.tf", `"s3:BypassGovernanceRetention", "s3:DeleteObject", "s3:DeleteObjectTagging"`, `"s3:BypassGovernanceRetention", "s3:DeleteObjectTagging"`, "guards", "Nobody but break-glass may delete"},
	{"anonymous requests are spared", "storage", "guards.tf", "      BoolIfExists = { \"aws:PrincipalIsAWSService\" = [\"false\"] }", "      Bool = { \"aws:PrincipalIsAWSService\" = [\"false\"] }", "guards", "not through our endpoints"},
	{"the key serves every bucket", "storage", "key.tf", `"kms:EncryptionContext:aws:s3:arn" = local.bucket_arn`, `"kms:EncryptionContext:aws:s3:arn" = "*"`, "guards", "The key must serve this bucket alone"},

	// Keys, and buckets for logs.
	{"keys that stay the same", "key", "main.tf", `enable_key_rotation     = true`, `enable_key_rotation     = false`, "key", "Rotation must be on"},
	{"administrators decrypt", "key", "main.tf", `"kms:EnableKey", "kms:DisableKey"`, `"kms:Decrypt", "kms:EnableKey", "kms:DisableKey"`, "key", "Administration must read nothing"},
	{"logs of other accounts", "bucket", "main.tf", `Sid       = "DenyForeignAccounts"`, `Sid       = "AllowForeignAccounts"`, "bucket", "other accounts must be refused"},

	// The network.
	{"shops may delete", "network", "s3.tf", "    Action    = [\"s3:GetObject\", \"s3:PutObject\"]\n", "    Action    = [\"s3:GetObject\", \"s3:PutObject\", \"s3:DeleteObject\"]\n", "network", "must let through PUT and GET"},
	{"any bucket through our endpoint", "network", "s3.tf", `objects        = "${var.bucket_arn}/*"`, `objects        = "*"`, "network", "on the bucket for frames alone"},
	{"a store writes for another", "network", "s3.tf", `/${prefix}/${store}/*"]`, `/${prefix}/*"]`, "network", "beside its own prefixes"},
	{"functions reach the internet", "network", "security.tf", "  referenced_security_group_id = aws_security_group.services.id\n", "  cidr_ipv4                    = \"0.0.0.0/0\"\n", "network", "reach endpoints and nothing else"},

	// Functions.
	{"a role without a boundary", "function", "role.tf", "  permissions_boundary = var.boundary_arn\n", "", "function", "must have the permission boundary"},
	{"logs of every function", "function", "role.tf", `Resource = "${local.log_arn}:*"`, `Resource = "*"`, "function", "its own log and no other"},
	{"the program makes network interfaces", "function", "role.tf", "\"ButNotTheProgramItself\"\n      Effect    = \"Deny\"", "\"ButNotTheProgramItself\"\n      Effect    = \"Allow\"", "function", "must not be able to make network interfaces"},
	{"an environment in AWS's hands", "function", "main.tf", `kms_key_arn                    = var.kms_key_arn`, `kms_key_arn                    = null`, "function", "encrypted with our key"},

	// The ticket API.
	{"a second door without certificates", "ticket_api", "api.tf", `disable_execute_api_endpoint = true`, `disable_execute_api_endpoint = false`, "api", "must be disabled"},
	{"bodies in the log", "ticket_api", "api.tf", `data_trace_enabled     = false`, `data_trace_enabled     = true`, "api", "hold tickets, never"},
	{"the backend reads frames", "ticket_api", "main.tf", `Action   = ["s3:PutObject"]`, `Action   = ["s3:GetObject", "s3:PutObject"]`, "backend", "what its program calls and nothing else"},
	{"revocations that can be lost", "ticket_api", "registry.tf", "  point_in_time_recovery {\n    enabled = true", "  point_in_time_recovery {\n    enabled = false", "backend", "takes its revocations with it"},

	// The pipeline.
	{"the pipeline deletes", "pipeline", "main.tf", `"s3:PutObjectTagging", "s3:PutObjectVersionTagging"]`, `"s3:PutObjectTagging", "s3:PutObjectVersionTagging", "s3:DeleteObject"]`, "pipeline", "not write, delete or list"},
	{"anybody's bucket fills the queue", "pipeline", "queue.tf", `ArnEquals    = { "aws:SourceArn" = var.bucket_arn }`, `ArnLike      = { "aws:SourceArn" = "arn:aws:s3:::*" }`, "pipeline", "Only our bucket may tell the queue"},
	{"images that change", "pipeline", "images.tf", `"IMMUTABLE"`, `"MUTABLE"`, "pipeline", "tags must stay what they are"},

	// The audit.
	{"a trail that can be forged", "audit", "trail.tf", `enable_log_file_validation    = true`, `enable_log_file_validation    = false`, "audit", "must be provable"},
	{"frames are read unseen", "audit", "trail.tf", `starts_with = ["${var.bucket_arn}/"]`, `starts_with = ["arn:aws:s3:::another/"]`, "audit", "Every access to a frame"},
	{"a disabled key can wait", "audit", "watch.tf", "(($.eventName = \\\"DisableKey\\\") || ($.eventName = \\\"ScheduleKeyDeletion\\\")", "(($.eventName = \\\"ScheduleKeyDeletion\\\")", "audit", "must be seen"},
	{"alarms can be deleted unseen", "audit", "watch.tf", `($.eventName = \"DeleteAlarms\") || `, ``, "audit", "must be seen"},
	{"GuardDuty does not watch S3", "audit", "services.tf", `"S3_DATA_EVENTS"`, `"EKS_AUDIT_LOGS"`, "audit", "GuardDuty must watch S3"},
}

// notices makes the mistake in the copy, runs the tests that must notice, and takes it back. That they fail is not
// enough: they must fail for this reason.
func (w *workshop) notices(t *testing.T, module string, m mistake) {
	defer w.change(t, filepath.Join(module, m.file), m.old, m.new)()
	out, err := w.run(t, module, "test", "-no-color", "-filter=tests/"+m.tests+".tftest.hcl")
	if err == nil {
		t.Fatal("nobody noticed")
	}
	if !strings.Contains(strings.Join(strings.Fields(out), " "), m.says) {
		t.Errorf("the tests fail, but do not say %q:\n%s", m.says, out)
	}
}

// change replaces the one place, and returns what takes it back.
func (w *workshop) change(t *testing.T, file, from, to string) func() {
	t.Helper()
	path := filepath.Join(w.dir, file)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), from); n != 1 {
		t.Fatalf("%q is in %s %d times, want once", from, file, n)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), from, to, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Error(err)
		}
	}
}
