package proof

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// world is what the stories are about: the policies, and what things are called.
type world struct {
	names    map[string]string
	policies map[string]policy // as the output policies names them
}

// policy is a document. Statements stay as they are: a test that rewrote them would test itself.
type policy struct {
	Version   string
	Statement []statement
}

type statement map[string]any

func (s statement) sid() string   { sid, _ := s["Sid"].(string); return sid }
func (s statement) refuses() bool { return s["Effect"] == "Deny" }
func (s statement) without(key string) statement {
	s = maps.Clone(s)
	delete(s, key)
	return s
}

// without leaves out the statement at a place.
func (p policy) without(i int) policy {
	p.Statement = slices.Delete(slices.Clone(p.Statement), i, i+1)
	return p
}

// with puts another one there.
func (p policy) with(i int, s statement) policy {
	p.Statement = slices.Clone(p.Statement)
	p.Statement[i] = s
	return p
}

// foreign is the account of strangers.
const foreign = "999999999999"

// worldOf takes the names from what was made, not from the policies, which may have them wrong.
func worldOf(t *testing.T, d *deployment) world {
	t.Helper()
	w := world{policies: map[string]policy{}}
	var documents map[string]string
	d.output(t, "policies", &documents)
	for name, text := range documents {
		var p policy
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			t.Fatalf("policy %s: %v\n%s", name, err, text)
		}
		w.policies[name] = p
	}
	w.names = map[string]string{
		"frames":             d.one(t, "arn", "aws_s3_bucket", "aws_s3_bucket.frames"),
		"access_logs":        d.one(t, "arn", "aws_s3_bucket", "module.access_logs.aws_s3_bucket.this"),
		"audit_bucket":       d.one(t, "arn", "aws_s3_bucket", "module.trail_bucket.aws_s3_bucket.this"),
		"key":                d.one(t, "arn", "aws_kms_key", "module.storage.module.key.aws_kms_key.this"),
		"platform_key":       d.one(t, "arn", "aws_kms_key", "module.shelf.module.platform_key.aws_kms_key.this"),
		"vpc":                d.one(t, "id", "aws_vpc", "aws_vpc.this"),
		"shops_endpoint":     d.one(t, "id", "aws_vpc_endpoint", "aws_vpc_endpoint.s3_for_shops"),
		"store_endpoint":     d.one(t, "id", "aws_vpc_endpoint", "module.store.aws_vpc_endpoint.dedicated"),
		"functions_endpoint": d.one(t, "id", "aws_vpc_endpoint", "aws_vpc_endpoint.s3_for_functions"),
		"registry":           d.one(t, "arn", "aws_dynamodb_table", "aws_dynamodb_table.registry"),
		"records":            d.one(t, "arn", "aws_dynamodb_table", "aws_dynamodb_table.frames"),
		"topic":              d.one(t, "arn", "aws_sns_topic", "aws_sns_topic.frames"),
		"queue":              d.one(t, "arn", "aws_sqs_queue", "aws_sqs_queue.frames"),
		"ca_secret":          d.one(t, "arn", "aws_secretsmanager_secret", "aws_secretsmanager_secret.ca_key"),
		"tickets_function":   d.one(t, "arn", "aws_lambda_function", "module.ticket_api.module.function.aws_lambda_function.this"),
		"pipeline_function":  d.one(t, "arn", "aws_lambda_function", "module.pipeline.module.function.aws_lambda_function.this"),
		"tickets":            d.one(t, "arn", "aws_iam_role", "module.ticket_api.module.function.aws_iam_role.this"),
		"pipeline":           d.one(t, "arn", "aws_iam_role", "module.pipeline.module.function.aws_iam_role.this"),
	}
	part := strings.Split(w.names["key"], ":")
	w.names["region"], w.names["account"] = part[3], part[4]
	for _, name := range []string{"admin", "deployer", "break-glass"} {
		w.names[name] = "arn:aws:iam::" + part[4] + ":role/" + name
	}
	w.names["outsider"] = "arn:aws:iam::" + foreign + ":role/outsider"
	return w
}

// expand puts the names in for what is in braces.
func (w world) expand(t *testing.T, text string) string {
	t.Helper()
	for name, value := range w.names {
		text = strings.ReplaceAll(text, "{"+name+"}", value)
	}
	if strings.ContainsAny(text, "{}") {
		t.Fatalf("%s: there is no such name", text)
	}
	return text
}
