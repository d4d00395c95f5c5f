package e2e

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"shelfagent/uploader/ticket"
)

// bareLoop is what an upload cannot do without: presign and PUT, by as many workers as the agent may have transfers.
// The digests are known before, as the queue knows them.
func bareLoop(b *testing.B, r *rig, frames [][]byte) func() {
	dir := r.path("files")
	lay(b, dir, frames)
	bare := newBare(r)
	inputs := make([]*s3.PutObjectInput, len(frames))
	for n, payload := range frames {
		inputs[n] = putOf(payload, fmt.Sprintf("raw/%s/%s/%06d", store, camera(n), n))
	}
	return func() {
		next := make(chan int)
		var workers sync.WaitGroup
		for range transfers {
			workers.Go(func() {
				for n := range next {
					if err := bare.send(inputs[n], filepath.Join(dir, camera(n), fmt.Sprintf("%06d.jpg", n))); err != nil {
						b.Error(err)
					}
				}
			})
		}
		for n := range frames {
			next <- n
		}
		close(next)
		workers.Wait()
	}
}

// bare presigns and PUTs.
type bare struct {
	presign *s3.PresignClient
	client  *http.Client
}

func newBare(r *rig) *bare {
	transport := r.s3.HTTPClient().Transport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = transfers
	return &bare{presign: s3.NewPresignClient(r.s3.Client()), client: &http.Client{Transport: transport}}
}

// putOf asks for all that a ticket signs.
func putOf(payload []byte, key string) *s3.PutObjectInput {
	sha, sum := sha256.Sum256(payload), md5.Sum(payload)
	return &s3.PutObjectInput{
		Bucket: aws.String(bucket), Key: &key, ContentLength: aws.Int64(int64(len(payload))), ContentType: aws.String("image/jpeg"),
		ContentMD5: aws.String(ticket.ContentMD5(hex.EncodeToString(sum[:]))), ChecksumSHA256: aws.String(ticket.ChecksumSHA256(hex.EncodeToString(sha[:]))),
		IfNoneMatch: aws.String("*"), ServerSideEncryption: types.ServerSideEncryptionAwsKms, SSEKMSKeyId: aws.String(keyARN),
	}
}

func (c *bare) send(input *s3.PutObjectInput, file string) error {
	signed, err := c.presign.PresignPutObject(context.Background(), input)
	if err != nil {
		return err
	}
	payload, err := os.Open(file)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(signed.Method, signed.URL, payload) // closes payload
	if err != nil {
		return err
	}
	req.Header, req.ContentLength = signed.SignedHeader, *input.ContentLength
	resp, err := c.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("x-amz-checksum-sha256") != *input.ChecksumSHA256 {
		return fmt.Errorf("%s: %s", *input.Key, resp.Status)
	}
	return nil
}
