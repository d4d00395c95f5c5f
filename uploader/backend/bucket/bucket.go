package bucket

import (
	"context"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"shelfagent/uploader/backend"
)

// Bucket is the frames' bucket, as those see it whose credentials are used.
type Bucket struct {
	client *s3.Client
	name   string
	keyARN string
	region string
}

// Open connects to nothing yet. Credentials and, where it is nil, the HTTP client come from the SDK's default chain.
// The endpoint is o's, whatever the environment says.
func Open(ctx context.Context, o backend.S3, client *http.Client) (*Bucket, error) {
	// The region is ours, so that the chain's own requests (STS) do not depend on the environment.
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(o.Region))
	if err != nil {
		return nil, fmt.Errorf("AWS configuration: %w", err)
	}
	options := s3.Options{
		Region: o.Region, Credentials: cfg.Credentials, HTTPClient: cfg.HTTPClient, UsePathStyle: o.PathStyle,
		DisableS3ExpressSessionAuth: aws.Bool(true),
	}
	if o.Credentials != nil {
		options.Credentials = o.Credentials
	}
	if client != nil {
		options.HTTPClient = client
	}
	if o.Endpoint != "" {
		options.BaseEndpoint = aws.String(o.Endpoint)
	}
	return &Bucket{client: s3.New(options), name: o.Bucket, keyARN: o.KMSKeyARN, region: o.Region}, nil
}
