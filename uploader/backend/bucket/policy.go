package bucket

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// tlsOnly looks for one statement that refuses every request that is not over TLS.
func tlsOnly(ctx context.Context, b *Bucket) (Finding, error) {
	got, err := b.client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: aws.String(b.name)})
	if err != nil {
		return Finding{}, err
	}
	var p policy
	if err := json.Unmarshal([]byte(aws.ToString(got.Policy)), &p); err != nil {
		return Finding{Outcome: Unseen, Saw: "the bucket policy cannot be read", Do: "Look at it by hand: does it deny s3:* where aws:SecureTransport is false?"}, nil
	}
	if slices.ContainsFunc(p.Statement, func(s statement) bool { return s.refusesPlainHTTP(b.name) }) {
		return ok("the policy refuses whatever is not over TLS"), nil
	}
	return bad("no statement of the bucket policy refuses plain HTTP to the bucket and all its objects", doTLS), nil
}

// policy is what is looked at of a policy document (IAM, "Grammar of the IAM JSON policy language").
type policy struct {
	Statement some[statement]
}

type statement struct {
	Effect    string
	Principal json.RawMessage
	Action    some[string]
	Resource  some[string]
	Condition map[string]map[string]some[any] // texts, but for those who write numbers and booleans
}

// refusesPlainHTTP wants the statement to say nothing less than that: a further condition, a narrower action or one
// of the two resources alone would leave a gap. Conditions' operators and keys are not case-sensitive.
func (s statement) refusesPlainHTTP(bucket string) bool {
	for _, resource := range []string{bucket, bucket + "/*"} {
		if !slices.ContainsFunc(s.Resource, func(r string) bool { return r == "*" || r[strings.LastIndex(r, ":")+1:] == resource }) {
			return false
		}
	}
	if s.Effect != "Deny" || !s.everybody() || !slices.ContainsFunc(s.Action, func(a string) bool { return a == "*" || strings.EqualFold(a, "s3:*") }) {
		return false
	}
	return s.onlyWithoutTLS()
}

func (s statement) onlyWithoutTLS() bool {
	if len(s.Condition) != 1 {
		return false
	}
	for operator, keys := range s.Condition {
		for key, values := range keys {
			return len(keys) == 1 && strings.EqualFold(operator, "Bool") && strings.EqualFold(key, "aws:SecureTransport") &&
				len(values) == 1 && fmt.Sprint(values[0]) == "false"
		}
	}
	return false
}

// everybody reports whether the principal is "*" or {"AWS": "*"}.
func (s statement) everybody() bool {
	var one string
	if json.Unmarshal(s.Principal, &one) == nil {
		return one == "*"
	}
	var kinds map[string]some[string]
	return json.Unmarshal(s.Principal, &kinds) == nil && slices.Contains(kinds["AWS"], "*")
}

// some is one value or a list of them: policies are written either way.
type some[T any] []T

func (s *some[T]) UnmarshalJSON(raw []byte) error {
	if strings.HasPrefix(strings.TrimSpace(string(raw)), "[") {
		return json.Unmarshal(raw, (*[]T)(s))
	}
	var one T
	if err := json.Unmarshal(raw, &one); err != nil {
		return err
	}
	*s = some[T]{one}
	return nil
}
