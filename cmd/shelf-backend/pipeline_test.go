package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"shelfagent/agent/frame"
	"shelfagent/uploader/backend/mototest"
)

// TestJudgeTakesWhatRigsSend: whatever the rig makes of a picture is valid and private to the pipeline as well, and
// what the camera wrote into its file is found in one that no rig has stripped.
func TestJudgeTakesWhatRigsSend(t *testing.T) {
	files, err := filepath.Glob("../../testdata/frames/*.*")
	if err != nil {
		t.Fatal(err)
	}
	taken, private := 0, 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		f, err := frame.New(raw, frame.Source{}, frame.Options{})
		var rejection *frame.Rejection
		if errors.As(err, &rejection) {
			if _, flaw := judge(raw, frame.Options{}); flaw == nil || string(flaw.Reason) != string(rejection.Code) || flaw.Detail == "" {
				t.Errorf("%s: %+v, where the rig says %v", file, flaw, err)
			}
			continue
		}
		taken++
		picture, flaw := judge(f.Bytes, frame.Options{})
		if flaw != nil || picture.ContentType != f.Format.ContentType() || picture.Width != f.Width || picture.Height != f.Height {
			t.Errorf("%s: %+v %+v, where the rig says %s, %d × %d", file, picture, flaw, f.Format, f.Width, f.Height)
		}
		if _, flaw := judge(raw, frame.Options{}); len(f.Stripped) > 0 {
			private++
			if flaw == nil || flaw.Reason != notPrivate || !strings.Contains(flaw.Detail, f.Stripped[0]) {
				t.Errorf("%s: %+v, where the rig strips %v", file, flaw, f.Stripped)
			}
		}
	}
	if taken < 10 || private < 5 {
		t.Errorf("only %d frames, %d of them with something private", taken, private)
	}
}

func TestDecodingMemory(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "1024": 512 << 20, "much": 0} {
		if got := decodingMemory(text); got != want {
			t.Errorf("%q: %d", text, got)
		}
	}
}

// TestPipelineProgram is the real program, as Lambda starts it, with an event of a queue.
func TestPipelineProgram(t *testing.T) {
	mototest.Start(t)
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	topic := pipelineCloud(t, cfg)
	raw, err := os.ReadFile("../../testdata/frames/small-baseline.jpg")
	if err != nil {
		t.Fatal(err)
	}
	f, err := frame.New(raw, frame.Source{}, frame.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const keyARN = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	key := fmt.Sprintf("raw/4711/2026-11-22/cam-3/011803.123-%x.jpg", f.SHA256)
	_, err = s3.NewFromConfig(cfg).PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String("frames"), Key: &key, Body: bytes.NewReader(f.Bytes), ContentType: aws.String("image/jpeg"),
		ChecksumAlgorithm: s3types.ChecksumAlgorithmSha256, ServerSideEncryption: s3types.ServerSideEncryptionAwsKms, SSEKMSKeyId: aws.String(keyARN),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SHELF_BACKEND_MODE", "pipeline")
	t.Setenv("SHELF_PIPELINE_BUCKET", "frames")
	t.Setenv("SHELF_PIPELINE_TABLE", "frames")
	t.Setenv("SHELF_PIPELINE_TOPIC", topic)
	t.Setenv("SHELF_PIPELINE_KMS_KEY", keyARN)
	s3event := fmt.Sprintf(`{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"frames"},"object":{"key":%q}}}]}`, key)
	event, err := json.Marshal(map[string]any{"Records": []any{
		map[string]any{"messageId": "m1", "eventSource": "aws:sqs", "body": s3event},
		map[string]any{"messageId": "m2", "eventSource": "aws:sqs", "body": "no event"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	answer, log := invoke(t, event)
	if !strings.Contains(answer, `{"batchItemFailures":[{"itemIdentifier":"m2"}]}`) {
		t.Errorf("the answer: %s", answer)
	}
	for _, want := range []string{`"msg":"listening"`, `"pipeline_result":"valid"`, `"pipeline_result":"failed"`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s:\n%s", want, log)
		}
	}
}

// pipelineCloud makes what the program needs, and returns the topic.
func pipelineCloud(t *testing.T, cfg aws.Config) string {
	t.Helper()
	if _, err := s3.NewFromConfig(cfg).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("frames")}); err != nil {
		t.Fatal(err)
	}
	_, err := dynamodb.NewFromConfig(cfg).CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: aws.String("frames"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("key"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("key"), KeyType: types.KeyTypeHash}},
	})
	if err != nil {
		t.Fatal(err)
	}
	topic, err := sns.NewFromConfig(cfg).CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("frames")})
	if err != nil {
		t.Fatal(err)
	}
	return *topic.TopicArn
}

// invoke starts this program as a zip's bootstrap is started, without arguments, and gives it one event. The rest of
// its life it waits for another.
func invoke(t *testing.T, event []byte) (answer, log string) {
	t.Helper()
	answers, given := make(chan string, 1), make(chan struct{}, 1)
	given <- struct{}{}
	runtime := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/next") {
			select {
			case <-given:
			case <-r.Context().Done():
				return
			}
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "request-1")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
			w.Write(event)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusAccepted)
		answers <- string(body)
	}))
	defer runtime.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd, err := childOf(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Env = append(cmd.Env, "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(runtime.URL, "http://"))
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case answer = <-answers:
		cancel()
		<-ended
	case err := <-ended:
		t.Fatalf("it ended by itself: %v\n%s", err, stderr.String())
	}
	return answer, stderr.String()
}
