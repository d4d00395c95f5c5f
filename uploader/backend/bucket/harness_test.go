package bucket

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"shelfagent/uploader/backend"
	"shelfagent/uploader/backend/mototest"
)

const (
	testBucket = "frames"
	testKey    = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	otherKey   = "arn:aws:kms:us-east-1:111122223333:key/00000000-12ab-34cd-56ef-1234567890ab"
)

func at(endpoint string) backend.S3 {
	return backend.S3{
		Bucket: testBucket, Region: mototest.Region, Endpoint: endpoint, PathStyle: true, KMSKeyARN: testKey,
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
	}
}

func open(t *testing.T, o backend.S3, client *http.Client) *Bucket {
	t.Helper()
	b, err := Open(t.Context(), o, client)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// keyOf is a key as the backend makes it.
func keyOf(body []byte) string {
	digest := sha256.Sum256(body)
	return "raw/4711/2026-11-22/cam-3/011803.123-" + hex.EncodeToString(digest[:]) + ".jpg"
}

// put writes an object as a ticket does.
func (b *Bucket) put(t *testing.T, key string, body []byte, keyARN string) {
	t.Helper()
	in := &s3.PutObjectInput{
		Bucket: &b.name, Key: &key, Body: bytes.NewReader(body), ContentType: aws.String("image/jpeg"),
		ChecksumAlgorithm: types.ChecksumAlgorithmSha256, Metadata: map[string]string{"store": "4711"},
	}
	if keyARN != "" {
		in.ServerSideEncryption, in.SSEKMSKeyId = types.ServerSideEncryptionAwsKms, &keyARN
	}
	if _, err := b.client.PutObject(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

func wantFault(t *testing.T, err error, want Fault) {
	t.Helper()
	var fault *Error
	if !errors.As(err, &fault) || fault.Fault != want || fault.Saw == "" || fault.Do == "" {
		t.Errorf("error %v, want the fault %s with what was seen and what to do", err, want)
		return
	}
	if strings.Contains(err.Error()+fault.Do, "Signature") {
		t.Errorf("the error holds a signature: %v", err)
	}
}
