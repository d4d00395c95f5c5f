package demo

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"
	"github.com/rclone/gofakes3/signature"

	"shelfagent/uploader/backend/devpki"
)

// bucketServer is an S3 server in this process.
type bucketServer struct {
	endpoint, addr string
	accessKey      string
	secretKey      string
	memory         *s3mem.Backend
	server         *http.Server
}

func startBucket(pki *devpki.PKI) (*bucketServer, error) {
	b := &bucketServer{accessKey: "DEMO" + secret(8), secretKey: secret(20), memory: s3mem.New()}
	if err := b.memory.CreateBucket(context.Background(), bucket); err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(pki.Server.Cert, pki.Server.Key)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b.addr = listener.Addr().String()
	b.endpoint = "https://" + b.addr
	fake := gofakes3.New(b.memory, gofakes3.WithoutVersioning())
	b.server = &http.Server{
		Handler: b.signed(fake.Server()), ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}},
	}
	go func() { _ = b.server.ServeTLS(listener, "", "") }() // ends with close
	return b, nil
}

// signed checks each request's signature with gofakes3's own verifier, and then plays the part of SSE-KMS, which
// gofakes3 refuses: the headers are answered as S3 answers them, and nothing is encrypted.
func (b *bucketServer) signed(next http.Handler) http.Handler {
	secretOf := func(accessKey string) (string, bool) { return b.secretKey, accessKey == b.accessKey }
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if code := signature.V4SignVerifyWithLookup(r, secretOf); code != signature.ErrNone {
			refusal := signature.GetAPIError(code)
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(refusal.HTTPStatusCode)
			_, _ = w.Write(signature.EncodeAPIErrorToResponse(refusal)) //nolint:gosec // a fixed text in XML
			return
		}
		for _, name := range []string{"X-Amz-Server-Side-Encryption", "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"} {
			if value := r.Header.Get(name); value != "" {
				w.Header().Set(name, value)
				r.Header.Del(name)
			}
		}
		next.ServeHTTP(w, r)
	})
}

func (b *bucketServer) credentials() aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(b.accessKey, b.secretKey, "")
}

func (b *bucketServer) close() { _ = b.server.Close() }

// object is what the bucket holds at a key; the digest was computed here, from the bytes.
type object struct {
	key    string
	bytes  int64
	digest string
}

// objects reads the bucket from behind, without the agent, the backend or a signature.
func (b *bucketServer) objects() ([]object, error) {
	ctx := context.Background()
	var all []object
	page := gofakes3.ListBucketPage{MaxKeys: 1000}
	for {
		list, err := b.memory.ListBucket(ctx, bucket, nil, page)
		if err != nil {
			return nil, err
		}
		for _, item := range list.Contents {
			found, err := b.memory.GetObject(ctx, bucket, item.Key, nil)
			if err != nil {
				return nil, fmt.Errorf("reading %s: %w", item.Key, err)
			}
			hash := sha256.New()
			n, err := io.Copy(hash, found.Contents)
			_ = found.Contents.Close()
			if err != nil {
				return nil, fmt.Errorf("reading %s: %w", item.Key, err)
			}
			all = append(all, object{item.Key, n, hex.EncodeToString(hash.Sum(nil))})
		}
		if !list.IsTruncated {
			return all, nil
		}
		page = gofakes3.ListBucketPage{MaxKeys: 1000, Marker: list.NextMarker, HasMarker: true}
	}
}

func secret(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return hex.EncodeToString(b)
}
