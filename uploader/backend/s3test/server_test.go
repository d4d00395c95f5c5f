package s3test_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"shelfagent/uploader/backend/s3test"
)

func TestObjectsOutliveAKill(t *testing.T) {
	server := s3test.Start(t)
	server.CreateBucket(t, "frames")
	_, err := server.Client().PutObject(context.Background(), &s3.PutObjectInput{
		Bucket: aws.String("frames"), Key: aws.String("raw/a"), Body: bytes.NewReader([]byte("picture")),
		ChecksumAlgorithm: types.ChecksumAlgorithmSha256, Metadata: map[string]string{"store": "4711"},
	})
	if err != nil {
		t.Fatal(err)
	}
	endpoint := server.Endpoint

	server.Stop()
	if response, err := server.HTTPClient().Get(server.Endpoint); err == nil {
		response.Body.Close()
		t.Error("a stopped server answers")
	}
	server.Stop()
	server.Start()
	server.Start()

	if server.Endpoint != endpoint {
		t.Errorf("endpoint %s, was %s", server.Endpoint, endpoint)
	}
	if keys := server.Keys(t, "frames", "raw/"); !slices.Equal(keys, []string{"raw/a"}) {
		t.Errorf("keys %q", keys)
	}
	object := server.Read(t, "frames", "raw/a")
	if string(object.Body) != "picture" || object.Metadata["store"] != "4711" {
		t.Errorf("read %q with %v", object.Body, object.Metadata)
	}
}
