package bucket

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Object is what has been read and proven.
type Object struct {
	Key         string
	Bytes       int64
	SHA256      string // lower-case hex
	ContentType string
	// Metadata is the user-defined metadata, names without x-amz-meta-.
	Metadata map[string]string
}

// Read writes the object's bytes to into. They are proven only when it returns nil; what it wrote before an error
// must be thrown away. Faults are *Error.
func (b *Bucket) Read(ctx context.Context, key string, into io.Writer) (Object, error) {
	got, err := b.client.GetObject(ctx, &s3.GetObjectInput{
		Bucket: aws.String(b.name), Key: aws.String(key), ChecksumMode: types.ChecksumModeEnabled,
	})
	if err != nil {
		return Object{}, b.explain(key, err)
	}
	// The body is only read: nothing is lost when closing it fails.
	defer func() { _ = got.Body.Close() }()
	if err := b.encrypted(key, got); err != nil {
		return Object{}, err
	}
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(hash, into), got.Body)
	digest := [sha256.Size]byte(hash.Sum(nil))
	// The SDK reports a false checksum as a failed read at the end, which the proof then says better.
	if whole := got.ContentLength != nil && n == *got.ContentLength; err != nil && !whole {
		return Object{}, fmt.Errorf("%s: the transfer broke after %d bytes; try again: %w", key, n, err)
	}
	if fault := proven(key, digest, aws.ToString(got.ChecksumSHA256)); fault != nil {
		return Object{}, fault
	}
	if err != nil {
		return Object{}, fmt.Errorf("%s: %w", key, err)
	}
	return Object{
		Key: key, Bytes: n, SHA256: hex.EncodeToString(digest[:]), ContentType: aws.ToString(got.ContentType), Metadata: got.Metadata,
	}, nil
}

// encrypted is asked before the first byte is read.
func (b *Bucket) encrypted(key string, got *s3.GetObjectOutput) error {
	saw := ""
	switch by := aws.ToString(got.SSEKMSKeyId); {
	case got.ServerSideEncryption != types.ServerSideEncryptionAwsKms && got.ServerSideEncryption != types.ServerSideEncryptionAwsKmsDsse:
		saw = fmt.Sprintf("it is not encrypted with a KMS key (encryption %q)", got.ServerSideEncryption)
	case by != b.keyARN:
		saw = fmt.Sprintf("it is encrypted with %s, not with %s", by, b.keyARN)
	default:
		return nil
	}
	return &Error{Fault: WrongKey, Key: key, Saw: saw,
		Do: "It did not come by a ticket of this backend, or s3.kms_key_arn has changed since. Find out who wrote it before using it."}
}

// digestInKey is the SHA-256 that every key template has to put into the key.
var digestInKey = regexp.MustCompile(`(?:^|[^0-9a-f])([0-9a-f]{64})(?:[^0-9a-f]|$)`)

// proven holds the digest of what was read against S3's own and the key's; at least one must be there.
func proven(key string, digest [sha256.Size]byte, kept string) error {
	damaged := func(saw string) error {
		return &Error{Fault: Damaged, Key: key, Saw: saw,
			Do: "Do not use it. Earlier versions of the object may be whole; so may the rig's own copy, if it still waits there."}
	}
	named := digestInKey.FindStringSubmatch(key)
	switch {
	case kept == "" && named == nil:
		return damaged("neither S3 nor the key says which SHA-256 it should have")
	case kept != "" && kept != base64.StdEncoding.EncodeToString(digest[:]):
		return damaged("its bytes have another SHA-256 than the one that S3 keeps for it")
	case named != nil && named[1] != hex.EncodeToString(digest[:]):
		return damaged("its bytes have another SHA-256 than the one in its key")
	}
	return nil
}
