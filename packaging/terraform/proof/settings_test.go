package proof

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"shelfagent/uploader/backend"
	"shelfagent/uploader/backend/bucket"
	"shelfagent/uploader/backend/mototest"
)

func load(t *testing.T) aws.Config {
	t.Helper()
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// asked is an answer of AWS, or none.
type asked[T any] struct {
	answer T
	err    error
}

func ask[T any](answer T, err error) asked[T] { return asked[T]{answer, err} }

// or fails the test when AWS did not answer.
func (a asked[T]) or(t *testing.T) T {
	t.Helper()
	if a.err != nil {
		t.Fatal(a.err)
	}
	return a.answer
}

// shown is a value with what its pointers point to.
func shown(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// same compares two documents, whatever their order and spelling.
func same(t *testing.T, what, there, want string) {
	t.Helper()
	var a, b any
	if err := errors.Join(json.Unmarshal([]byte(there), &a), json.Unmarshal([]byte(want), &b)); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%s is\n%s\nwant\n%s", what, there, want)
	}
}

// testSettings asks the cloud, not Terraform, what there is.
func testSettings(t *testing.T, s *site, w world) {
	cfg := load(t)
	var policies map[string]string
	s.output(t, "policies", &policies)
	t.Run("the backend's own check of the bucket", func(t *testing.T) { checkBucket(t, w) })
	t.Run("bucket", func(t *testing.T) { bucketSettings(t, cfg, w, policies) })
	t.Run("access logs", func(t *testing.T) { accessLogSettings(t, cfg, w, policies) })
	t.Run("keys", func(t *testing.T) { keySettings(t, cfg, w, policies) })
	t.Run("tables", func(t *testing.T) { tableSettings(t, cfg, w) })
	t.Run("queue and topic", func(t *testing.T) { queueSettings(t, cfg, s, w, policies) })
	t.Run("functions", func(t *testing.T) { functionSettings(t, cfg, w) })
}

func (w world) bucketName() string { return strings.TrimPrefix(w.names["frames"], "arn:aws:s3:::") }

// checkBucket: what `shelf-backend check` would say to the operator of this deployment.
func checkBucket(t *testing.T, w world) {
	b, err := bucket.Open(t.Context(), backend.S3{
		Bucket: w.bucketName(), Region: mototest.Region, Endpoint: os.Getenv("AWS_ENDPOINT_URL"), PathStyle: true, KMSKeyARN: w.names["key"],
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	checks := 0
	b.Check(t.Context(), func(f bucket.Finding) {
		checks++
		if f.Outcome != bucket.OK {
			t.Errorf("%s %s: %s", f.Outcome, f.Check, f.Saw)
		}
	})
	if checks < 8 {
		t.Errorf("only %d checks", checks)
	}
}

func bucketSettings(t *testing.T, cfg aws.Config, w world, policies map[string]string) {
	client, ctx, name := s3.NewFromConfig(cfg), t.Context(), aws.String(w.bucketName())
	lock := ask(client.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: name})).or(t).ObjectLockConfiguration.Rule.DefaultRetention
	if lock.Mode != s3types.ObjectLockRetentionModeCompliance || aws.ToInt32(lock.Days) != 30 {
		t.Errorf("the lock: %s", shown(lock))
	}
	encryption := ask(client.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: name})).or(t).ServerSideEncryptionConfiguration.Rules[0]
	if by := encryption.ApplyServerSideEncryptionByDefault; by.SSEAlgorithm != s3types.ServerSideEncryptionAwsKms ||
		aws.ToString(by.KMSMasterKeyID) != w.names["key"] || !aws.ToBool(encryption.BucketKeyEnabled) {
		t.Errorf("the encryption: %s", shown(encryption))
	}
	same(t, "the bucket's policy", *ask(client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: name})).or(t).Policy, policies["bucket"])
	stages := map[s3types.TransitionStorageClass]int32{}
	for _, rule := range ask(client.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: name})).or(t).Rules {
		for _, transition := range rule.Transitions {
			stages[transition.StorageClass] = aws.ToInt32(transition.Days)
		}
	}
	if want := map[s3types.TransitionStorageClass]int32{"GLACIER_IR": 30, "INTELLIGENT_TIERING": 0}; !maps.Equal(stages, want) {
		t.Errorf("what becomes of frames: %v", stages)
	}
	told := ask(client.GetBucketNotificationConfiguration(ctx, &s3.GetBucketNotificationConfigurationInput{Bucket: name})).or(t).QueueConfigurations
	if len(told) != 1 || aws.ToString(told[0].QueueArn) != w.names["queue"] || !slices.Equal(told[0].Events, []s3types.Event{"s3:ObjectCreated:*"}) ||
		len(told[0].Filter.Key.FilterRules) != 1 || aws.ToString(told[0].Filter.Key.FilterRules[0].Value) != "raw/" {
		t.Errorf("who is told: %s", shown(told))
	}
	logging := ask(client.GetBucketLogging(ctx, &s3.GetBucketLoggingInput{Bucket: name})).or(t).LoggingEnabled
	if logging == nil || "arn:aws:s3:::"+aws.ToString(logging.TargetBucket) != w.names["access_logs"] {
		t.Errorf("the access log: %s", shown(logging))
	}
}

func accessLogSettings(t *testing.T, cfg aws.Config, w world, policies map[string]string) {
	client, ctx, name := s3.NewFromConfig(cfg), t.Context(), aws.String(strings.TrimPrefix(w.names["access_logs"], "arn:aws:s3:::"))
	block := ask(client.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: name})).or(t).PublicAccessBlockConfiguration
	if !aws.ToBool(block.BlockPublicAcls) || !aws.ToBool(block.BlockPublicPolicy) || !aws.ToBool(block.IgnorePublicAcls) || !aws.ToBool(block.RestrictPublicBuckets) {
		t.Errorf("public access: %s", shown(block))
	}
	if got := ask(client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: name})).or(t).Status; got != s3types.BucketVersioningStatusEnabled {
		t.Errorf("versioning: %q", got)
	}
	owner := ask(client.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: name})).or(t).OwnershipControls.Rules[0]
	if owner.ObjectOwnership != s3types.ObjectOwnershipBucketOwnerEnforced {
		t.Errorf("ownership: %s", shown(owner))
	}
	same(t, "the access logs' policy", *ask(client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: name})).or(t).Policy, policies["access_log_bucket"])
}

func keySettings(t *testing.T, cfg aws.Config, w world, policies map[string]string) {
	client, ctx := kms.NewFromConfig(cfg), t.Context()
	for name, document := range map[string]string{"key": "key_frames", "platform_key": "key_platform"} {
		id := aws.String(w.names[name])
		if rotation := ask(client.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: id})).or(t); !rotation.KeyRotationEnabled {
			t.Errorf("%s does not rotate: %s", name, shown(rotation))
		}
		policy := ask(client.GetKeyPolicy(ctx, &kms.GetKeyPolicyInput{KeyId: id, PolicyName: aws.String("default")})).or(t).Policy
		same(t, "the policy of "+name, *policy, policies[document])
	}
}

// tableSettings: the names of keys and of the time to live are the programs'.
func tableSettings(t *testing.T, cfg aws.Config, w world) {
	client, ctx := dynamodb.NewFromConfig(cfg), t.Context()
	for name, want := range map[string]struct {
		keys []string
		ends string
	}{"registry": {[]string{"pk", "sk"}, "ttl"}, "records": {[]string{"key"}, "expires_at"}} {
		arn := w.names[name]
		table := aws.String(arn[strings.LastIndex(arn, "/")+1:])
		seen := ask(client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: table})).or(t).Table
		var keys []string
		for _, key := range seen.KeySchema {
			keys = append(keys, *key.AttributeName)
		}
		if !slices.Equal(keys, want.keys) {
			t.Errorf("the keys of %s: %v", name, keys)
		}
		if by := seen.SSEDescription; by == nil || by.SSEType != dynamotypes.SSETypeKms || aws.ToString(by.KMSMasterKeyArn) != w.names["platform_key"] {
			t.Errorf("the encryption of %s: %s", name, shown(by))
		}
		ends := ask(client.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: table})).or(t).TimeToLiveDescription
		if ends.TimeToLiveStatus != dynamotypes.TimeToLiveStatusEnabled || aws.ToString(ends.AttributeName) != want.ends {
			t.Errorf("the ends of %s: %s", name, shown(ends))
		}
		back := ask(client.DescribeContinuousBackups(ctx, &dynamodb.DescribeContinuousBackupsInput{TableName: table})).or(t).ContinuousBackupsDescription
		if back.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus != dynamotypes.PointInTimeRecoveryStatusEnabled {
			t.Errorf("%s cannot be brought back: %s", name, shown(back))
		}
	}
}

func queueSettings(t *testing.T, cfg aws.Config, s *site, w world, policies map[string]string) {
	ctx := t.Context()
	var url string
	s.output(t, "queue_url", &url)
	queue := ask(sqs.NewFromConfig(cfg).GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll},
	})).or(t).Attributes
	if !strings.Contains(w.names["platform_key"], queue["KmsMasterKeyId"]) || queue["KmsMasterKeyId"] == "" || !strings.Contains(queue["RedrivePolicy"], "-dead") {
		t.Errorf("the queue: %v", queue)
	}
	same(t, "the queue's policy", queue["Policy"], policies["queue"])
	topic := ask(sns.NewFromConfig(cfg).GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: aws.String(w.names["topic"])})).or(t).Attributes
	if !strings.Contains(w.names["platform_key"], topic["KmsMasterKeyId"]) || topic["KmsMasterKeyId"] == "" {
		t.Errorf("the topic: %v", topic)
	}
}

func functionSettings(t *testing.T, cfg aws.Config, w world) {
	client, ctx := lambda.NewFromConfig(cfg), t.Context()
	for role, mode := range map[string]string{"tickets": "api", "pipeline": "pipeline"} {
		name := aws.String(w.functionName(role))
		f := ask(client.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: name})).or(t)
		c := f.Configuration
		if !slices.Equal(c.Architectures, []lambdatypes.Architecture{"arm64"}) || aws.ToString(c.Role) != w.names[role] || c.Environment.Variables["SHELF_BACKEND_MODE"] != mode {
			t.Errorf("%s: %s", *name, shown(c))
		}
		if c.VpcConfig == nil || len(c.VpcConfig.SubnetIds) != 2 || len(c.VpcConfig.SecurityGroupIds) != 1 {
			t.Errorf("%s is in no private network: %s", *name, shown(c.VpcConfig))
		}
		if f.Concurrency == nil || aws.ToInt32(f.Concurrency.ReservedConcurrentExecutions) < 1 {
			t.Errorf("%s has no limit: %s", *name, shown(f.Concurrency))
		}
	}
	mappings := ask(client.ListEventSourceMappings(ctx, &lambda.ListEventSourceMappingsInput{})).or(t).EventSourceMappings
	if len(mappings) != 1 || aws.ToString(mappings[0].EventSourceArn) != w.names["queue"] || !strings.HasSuffix(aws.ToString(mappings[0].FunctionArn), ":"+w.functionName("pipeline")) ||
		!slices.Equal(mappings[0].FunctionResponseTypes, []lambdatypes.FunctionResponseType{"ReportBatchItemFailures"}) {
		t.Errorf("what the queue calls: %s", shown(mappings))
	}
}

// functionName is that of the function's role.
func (w world) functionName(role string) string {
	arn := w.names[role]
	return arn[strings.LastIndex(arn, "/")+1:]
}
