package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"shelfagent/agent/frame"
	"shelfagent/uploader/backend/lambdatest"
	"shelfagent/uploader/backend/mototest"
	"shelfagent/uploader/backend/pipeline"
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

// TestJudgeTakesTheLargestPictures: rigs may be allowed more pixels than package frame takes by default.
func TestJudgeTakesTheLargestPictures(t *testing.T) {
	var file bytes.Buffer
	large := image.NewGray(image.Rect(0, 0, 8000, frame.DefaultMaxPixels/8000+8))
	if err := jpeg.Encode(&file, large, nil); err != nil {
		t.Fatal(err)
	}
	picture, flaw := judge(file.Bytes(), limitsFor("512"))
	if flaw != nil || picture.Width != large.Rect.Dx() || picture.Height != large.Rect.Dy() {
		t.Errorf("%+v, %+v", picture, flaw)
	}
	if _, flaw := judge(file.Bytes(), limitsFor("1")); flaw == nil || flaw.Reason != pipeline.Reason(frame.CodeTooManyPixels) {
		t.Errorf("without memory: %+v", flaw)
	}
}

func TestDecodingMemory(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "1024": 256 << 20, "much": 0, "-1": 0} {
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
	pipelineCloud(t, cfg)
	raw, err := os.ReadFile("../../testdata/frames/small-baseline.jpg")
	if err != nil {
		t.Fatal(err)
	}
	f, err := frame.New(raw, frame.Source{}, frame.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s3event := arrive(t, cfg, f.Bytes, "image/jpeg")
	cmd, err := childOf(t.Context()) // as a zip's bootstrap is started: without arguments
	if err != nil {
		t.Fatal(err)
	}
	function := lambdatest.Start(t, cmd)
	if answer := string(function.Invoke(queued(t, s3event, "no event"))); answer != `{"batchItemFailures":[{"itemIdentifier":"m2"}]}` {
		t.Errorf("the answer: %s", answer)
	}
	for _, want := range []string{`"msg":"listening"`, `"pipeline_result":"valid"`, `"pipeline_result":"failed"`} {
		if !strings.Contains(function.Log(), want) {
			t.Errorf("the log lacks %s:\n%s", want, function.Log())
		}
	}
}

const pipelineKey = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

// arrive puts a frame into the bucket, as with a ticket, and returns what S3 tells of it.
func arrive(t *testing.T, cfg aws.Config, body []byte, contentType string) (s3event string) {
	t.Helper()
	key := fmt.Sprintf("raw/4711/2026-11-22/cam-3/011803.123-%x", sha256.Sum256(body))
	_, err := s3.NewFromConfig(cfg).PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String("frames"), Key: &key, Body: bytes.NewReader(body), ContentType: &contentType,
		ChecksumAlgorithm: s3types.ChecksumAlgorithmSha256, ServerSideEncryption: s3types.ServerSideEncryptionAwsKms, SSEKMSKeyId: aws.String(pipelineKey),
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"frames"},"object":{"key":%q}}}]}`, key)
}

// queued is the event that Lambda makes of a queue's messages, m1 the first.
func queued(t *testing.T, bodies ...string) []byte {
	t.Helper()
	var records []any
	for i, body := range bodies {
		records = append(records, map[string]any{"messageId": fmt.Sprint("m", i+1), "eventSource": "aws:sqs", "body": body})
	}
	event, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// pipelineCloud makes what the program needs, and tells it.
func pipelineCloud(t *testing.T, cfg aws.Config) {
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
	t.Setenv("SHELF_BACKEND_MODE", "pipeline")
	t.Setenv("SHELF_PIPELINE_BUCKET", "frames")
	t.Setenv("SHELF_PIPELINE_TABLE", "frames")
	t.Setenv("SHELF_PIPELINE_TOPIC", *topic.TopicArn)
	t.Setenv("SHELF_PIPELINE_KMS_KEY", pipelineKey)
}
