package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// finding is what became known of one object.
type finding struct {
	object
	picture Picture
	flaw    *Flaw // nil for a valid frame
}

// examine asks S3 twice: HEAD without the checksum needs no KMS key, so that another key is seen for what it is.
func (p *Pipeline) examine(ctx context.Context, c created) (finding, error) {
	o, err := p.head(ctx, c)
	if gone(err) {
		return finding{object: object{created: c}, flaw: &Flaw{Gone, "it was deleted before it was looked at"}}, nil
	}
	if err != nil {
		return finding{}, fmt.Errorf("asking S3 what the object is: %w", err)
	}
	found := finding{object: o, flaw: o.fromOutside(p.o.KMSKeyARN, p.o.MaxBytes)}
	if found.flaw != nil {
		return found, nil
	}
	body, kept, err := p.read(ctx, o)
	if gone(err) {
		found.flaw = &Flaw{Gone, "it was deleted while it was looked at"}
		return found, nil
	}
	if err != nil {
		return finding{}, fmt.Errorf("reading the object from S3: %w", err)
	}
	found.picture, found.flaw = o.inside(body, kept, p.o.Validate)
	return found, nil
}

func (p *Pipeline) head(ctx context.Context, c created) (object, error) {
	got, err := p.s3.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: aws.String(p.o.Bucket), Key: aws.String(c.key), VersionId: optional(c.version),
	})
	if err != nil {
		return object{}, err
	}
	if got.VersionId != nil {
		c.version = *got.VersionId // of the newest, where the event did not say; from here on it stays the same one
	}
	return object{
		created: c, etag: aws.ToString(got.ETag), bytes: aws.ToInt64(got.ContentLength), contentType: aws.ToString(got.ContentType),
		encryption: got.ServerSideEncryption, kmsKey: aws.ToString(got.SSEKMSKeyId), metadata: got.Metadata,
	}, nil
}

// read returns the bytes, and the SHA-256 that S3 keeps for them.
func (p *Pipeline) read(ctx context.Context, o object) (body []byte, kept string, err error) {
	got, err := p.s3.GetObject(ctx, &s3.GetObjectInput{
		Bucket: aws.String(p.o.Bucket), Key: aws.String(o.key), VersionId: optional(o.version), IfMatch: aws.String(o.etag),
		ChecksumMode: types.ChecksumModeEnabled,
	})
	if err != nil {
		return nil, "", err
	}
	// The body is only read: nothing is lost when closing it fails.
	defer func() { _ = got.Body.Close() }()
	// One byte more than there should be shows that there is more. The SDK reports a false checksum as a failed read at
	// the end; the bytes are all there then, and inside says it better.
	body = make([]byte, 0, o.bytes+1)
	n, err := io.ReadFull(got.Body, body[:cap(body)])
	switch whole := int64(n) == o.bytes; {
	case whole && err != nil:
		return body[:n], aws.ToString(got.ChecksumSHA256), nil
	case err != nil:
		return nil, "", fmt.Errorf("the transfer broke after %d of %d bytes: %w", n, o.bytes, err)
	}
	return nil, "", fmt.Errorf("S3 sent more than the %d bytes that it spoke of", o.bytes)
}

// tag marks what failed, for whoever meets the object later, and for rules that keep readers from it.
func (p *Pipeline) tag(ctx context.Context, c created) error {
	_, err := p.s3.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{
		Bucket: aws.String(p.o.Bucket), Key: aws.String(c.key), VersionId: optional(c.version), ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
		Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String(TagKey), Value: aws.String(TagInvalid)}}},
	})
	if err != nil && !gone(err) {
		return fmt.Errorf("tagging the object: %w", err)
	}
	return nil
}

// gone is whether S3 said that there is no such object; not that it may not be seen.
func gone(err error) bool {
	var answer smithy.APIError
	if !errors.As(err, &answer) {
		return false
	}
	switch answer.ErrorCode() {
	case "NotFound", "NoSuchKey", "NoSuchVersion": // NotFound is a HEAD's, which has no body
		return true
	}
	return false
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
