package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"shelfagent/agent/frame"
	"shelfagent/uploader/backend/mototest"
)

const (
	testBucket = "frames"
	testKey    = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	otherKey   = "arn:aws:kms:us-east-1:111122223333:key/00000000-12ab-34cd-56ef-1234567890ab"
	testLimit  = 1 << 20
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// judge is the rig's own judgement, as the program gives it.
func judge(body []byte) (Picture, *Flaw) {
	f, err := frame.New(body, frame.Source{}, frame.Options{})
	var rejection *frame.Rejection
	if errors.As(err, &rejection) {
		return Picture{}, &Flaw{Reason(rejection.Code), rejection.Error()}
	}
	return Picture{f.Format.ContentType(), f.Width, f.Height}, nil
}

// site is a cloud with everything that the pipeline needs, and one subscriber.
type site struct {
	t     *testing.T
	p     *Pipeline
	s3    *s3.Client
	table *dynamodb.Client
	queue *sqs.Client
	mail  string // the subscriber's queue
	log   *bytes.Buffer
	door  *door
}

// newSite starts moto. The pipeline alone goes through the door.
func newSite(t *testing.T) *site {
	t.Helper()
	endpoint := mototest.Start(t)
	cfg, err := config.LoadDefaultConfig(t.Context(), config.WithRetryMaxAttempts(1))
	if err != nil {
		t.Fatal(err)
	}
	s := &site{
		t: t, log: &bytes.Buffer{}, s3: s3.NewFromConfig(cfg), table: dynamodb.NewFromConfig(cfg), queue: sqs.NewFromConfig(cfg),
		door: newDoor(t, endpoint),
	}
	s.bucket()
	s.makeTable()
	s.open(cfg, s.subscribe(sns.NewFromConfig(cfg)))
	return s
}

// newCloudless is for what the cloud is not to be asked about: there is none.
func newCloudless(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, log: &bytes.Buffer{}, door: newDoor(t, "http://127.0.0.1:1")}
	s.open(aws.Config{Region: mototest.Region}, "arn:aws:sns:us-east-1:123456789012:frames")
	return s
}

func (s *site) open(cfg aws.Config, topic string) {
	s.t.Helper()
	cfg.BaseEndpoint = aws.String(s.door.url)
	o, err := Options{
		Bucket: testBucket, KMSKeyARN: testKey, Table: "frames", TopicARN: topic, MaxBytes: testLimit, Validate: judge,
		Log: slog.New(slog.NewJSONHandler(s.log, nil)), Now: func() time.Time { return noon },
	}.withDefaults()
	if err != nil {
		s.t.Fatal(err)
	}
	s.p = open(cfg, o)
}

func (s *site) bucket() {
	s.t.Helper()
	ctx := s.t.Context()
	if _, err := s.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(testBucket)}); err != nil {
		s.t.Fatal(err)
	}
	_, err := s.s3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket: aws.String(testBucket), VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) makeTable() {
	s.t.Helper()
	_, err := s.table.CreateTable(s.t.Context(), &dynamodb.CreateTableInput{
		TableName: aws.String("frames"), BillingMode: dynamotypes.BillingModePayPerRequest,
		AttributeDefinitions: []dynamotypes.AttributeDefinition{{AttributeName: aws.String("key"), AttributeType: dynamotypes.ScalarAttributeTypeS}},
		KeySchema:            []dynamotypes.KeySchemaElement{{AttributeName: aws.String("key"), KeyType: dynamotypes.KeyTypeHash}},
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) subscribe(topics *sns.Client) string {
	s.t.Helper()
	ctx := s.t.Context()
	topic, err := topics.CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String("frames")})
	if err != nil {
		s.t.Fatal(err)
	}
	queue, err := s.queue.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("subscriber")})
	if err != nil {
		s.t.Fatal(err)
	}
	s.mail = *queue.QueueUrl
	_, err = topics.Subscribe(ctx, &sns.SubscribeInput{
		TopicArn: topic.TopicArn, Protocol: aws.String("sqs"), Endpoint: aws.String("arn:aws:sqs:us-east-1:123456789012:subscriber"),
		Attributes: map[string]string{"RawMessageDelivery": "true"},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return *topic.TopicArn
}

// announcements empties the subscriber's queue.
func (s *site) announcements() []map[string]any {
	s.t.Helper()
	var all []map[string]any
	for {
		got, err := s.queue.ReceiveMessage(s.t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: aws.String(s.mail), MaxNumberOfMessages: 10, VisibilityTimeout: 3600, WaitTimeSeconds: 0,
		})
		if err != nil {
			s.t.Fatal(err)
		}
		if len(got.Messages) == 0 {
			return all
		}
		for _, m := range got.Messages {
			var said map[string]any
			if err := json.Unmarshal([]byte(*m.Body), &said); err != nil {
				s.t.Fatalf("%v: %s", err, *m.Body)
			}
			all = append(all, said)
		}
	}
}

// item is the record of a key; nil when there is none.
func (s *site) item(key string) map[string]dynamotypes.AttributeValue {
	s.t.Helper()
	got, err := s.table.GetItem(s.t.Context(), &dynamodb.GetItemInput{
		TableName: aws.String("frames"), Key: map[string]dynamotypes.AttributeValue{"key": text(key)}, ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return got.Item
}

func said(item map[string]dynamotypes.AttributeValue, name string) string {
	switch value := item[name].(type) {
	case *dynamotypes.AttributeValueMemberS:
		return value.Value
	case *dynamotypes.AttributeValueMemberN:
		return value.Value
	case *dynamotypes.AttributeValueMemberBOOL:
		return fmt.Sprint(value.Value)
	}
	return ""
}

func (s *site) tagged(key, version string) bool {
	s.t.Helper()
	got, err := s.s3.GetObjectTagging(s.t.Context(), &s3.GetObjectTaggingInput{
		Bucket: aws.String(testBucket), Key: aws.String(key), VersionId: optional(version),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return len(got.TagSet) == 1 && *got.TagSet[0].Key == "shelf-frame" && *got.TagSet[0].Value == "invalid"
}

// upload is what a ticket lets through, unless a story changes it.
type upload struct {
	key, contentType, kmsKey string
	body                     []byte
	noChecksum               bool
}

func ticketed4711(body []byte) upload {
	return upload{key: keyOf(body), contentType: "image/jpeg", kmsKey: testKey, body: body}
}

// keyOf is a key as the backend makes it.
func keyOf(body []byte) string {
	digest := sha256.Sum256(body)
	return "raw/4711/2026-11-22/cam-3/011803.123-" + hex.EncodeToString(digest[:]) + ".jpg"
}

func (s *site) put(u upload) (version string) {
	s.t.Helper()
	in := &s3.PutObjectInput{
		Bucket: aws.String(testBucket), Key: &u.key, Body: bytes.NewReader(u.body), ContentType: &u.contentType,
		Metadata: map[string]string{"store": "4711", "rig": "left", "camera": "cam-3", "captured-at": "2026-11-22T01:18:03.123Z"},
	}
	if !u.noChecksum {
		in.ChecksumAlgorithm = types.ChecksumAlgorithmSha256
	}
	if u.kmsKey != "" {
		in.ServerSideEncryption, in.SSEKMSKeyId = types.ServerSideEncryptionAwsKms, &u.kmsKey
	}
	client := s3.New(s.s3.Options(), func(o *s3.Options) {
		if u.noChecksum {
			o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		}
	})
	got, err := client.PutObject(s.t.Context(), in)
	if err != nil {
		s.t.Fatal(err)
	}
	return aws.ToString(got.VersionId)
}

// tell hands over one message for each body, and returns the ids of those that are to come again.
func (s *site) tell(bodies ...string) []string {
	s.t.Helper()
	return s.tellIn(s.t.Context(), bodies...)
}

func (s *site) tellIn(ctx context.Context, bodies ...string) (again []string) {
	s.t.Helper()
	var batch events.SQSEvent
	for i, body := range bodies {
		batch.Records = append(batch.Records, events.SQSMessage{MessageId: fmt.Sprint("m", i), EventSource: "aws:sqs", Body: body})
	}
	got, err := s.p.Handle(ctx, batch)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, failure := range got.BatchItemFailures {
		again = append(again, failure.ItemIdentifier)
	}
	return again
}

// message is S3's, for one new object.
func message(key, version string) string {
	return messageOf(testBucket, "ObjectCreated:Put", url.QueryEscape(key), version)
}

func messageOf(bucket, event, key, version string) string {
	body, err := json.Marshal(map[string]any{"Records": []any{map[string]any{
		"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": event, "s3": map[string]any{
			"bucket": map[string]any{"name": bucket}, "object": map[string]any{"key": key, "versionId": version, "size": 1},
		},
	}}})
	if err != nil {
		panic(err)
	}
	return string(body)
}

// lines are the log's since the last call.
func (s *site) lines() []map[string]any {
	s.t.Helper()
	var all []map[string]any
	for decoder := json.NewDecoder(s.log); decoder.More(); {
		var line map[string]any
		if err := decoder.Decode(&line); err != nil {
			s.t.Fatal(err)
		}
		all = append(all, line)
	}
	s.log.Reset()
	return all
}

// onRig is a picture as a rig sends it.
func onRig(t *testing.T, name string) []byte {
	t.Helper()
	f, err := frame.New(raw(t, name), frame.Source{}, frame.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f.Bytes
}

func raw(t *testing.T, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("../../../testdata/frames", name))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// door is between the pipeline and the cloud. It breaks requests as it is told, before or after the cloud has had them.
type door struct {
	url    string
	mu     sync.Mutex
	before func(*http.Request) bool // guarded by mu; whether it is broken off before the cloud sees it
	after  func(*http.Request) bool // guarded by mu; whether the cloud's answer is lost
	asked  []string                 // guarded by mu
}

func newDoor(t *testing.T, cloud string) *door {
	t.Helper()
	target, err := url.Parse(cloud)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	d := &door{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		before, after := d.before, d.after
		d.asked = append(d.asked, r.Method+" "+r.URL.Path+" "+r.Header.Get("X-Amz-Target"))
		d.mu.Unlock()
		if before != nil && before(r) {
			panic(http.ErrAbortHandler)
		}
		if after != nil && after(r) {
			proxy.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	d.url = server.URL
	return d
}

func (d *door) breaks(before, after func(*http.Request) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.before, d.after, d.asked = before, after, nil
}

func (d *door) requests() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked
}
