package s3test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Object is what the server holds at a key.
type Object struct {
	Key         string
	Body        []byte
	ContentType string
	// Metadata is the user-defined metadata, names in lower case and without x-amz-meta-.
	Metadata map[string]string
	// SHA256 is the checksum that the server keeps, in base64; Read has compared it with Body.
	SHA256 string
}

// Client has all rights, path style.
func (s *Server) Client() *s3.Client {
	return s3.New(s3.Options{
		Region:       Region,
		Credentials:  s.Credentials(),
		BaseEndpoint: aws.String(s.Endpoint),
		UsePathStyle: true,
		HTTPClient:   s.client,
	})
}

// CreateBucket makes a bucket.
func (s *Server) CreateBucket(t testing.TB, bucket string) {
	t.Helper()
	if _, err := s.Client().CreateBucket(context.Background(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatalf("s3test: bucket %s: %v", bucket, err)
	}
}

// Keys lists the bucket's keys that begin with prefix, in order.
func (s *Server) Keys(t testing.TB, bucket, prefix string) []string {
	t.Helper()
	var keys []string
	pages := s3.NewListObjectsV2Paginator(s.Client(), &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			t.Fatalf("s3test: list %s/%s: %v", bucket, prefix, err)
		}
		for _, object := range page.Contents {
			keys = append(keys, aws.ToString(object.Key))
		}
	}
	return keys
}

// Read returns the object at key. It fails the test when there is none, and when the SHA-256 that the server
// keeps is missing or not that of the body.
func (s *Server) Read(t testing.TB, bucket, key string) Object {
	t.Helper()
	output, err := s.Client().GetObject(context.Background(), &s3.GetObjectInput{
		Bucket: &bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled,
	})
	if err != nil {
		t.Fatalf("s3test: %s/%s: %v", bucket, key, err)
	}
	body, err := io.ReadAll(output.Body)
	if err = errors.Join(err, output.Body.Close()); err != nil {
		t.Fatalf("s3test: %s/%s: %v", bucket, key, err)
	}
	object := Object{
		Key:         key,
		Body:        body,
		ContentType: aws.ToString(output.ContentType),
		Metadata:    output.Metadata,
		SHA256:      aws.ToString(output.ChecksumSHA256),
	}
	digest := sha256.Sum256(body)
	if want := base64.StdEncoding.EncodeToString(digest[:]); object.SHA256 != want {
		t.Fatalf("s3test: %s/%s: the server keeps the checksum %q, the body's is %q", bucket, key, object.SHA256, want)
	}
	return object
}

// Folder is where the server keeps a bucket: each object is a file at its key, which appears when it is whole.
func (s *Server) Folder(bucket string) string { return filepath.Join(s.dir, "data", bucket) }
