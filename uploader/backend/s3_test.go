package backend_test

import (
	"testing"

	"shelfagent/uploader/backend/s3test"
)

// TestTicketsOnARealServer runs the contract on versitygw.
func TestTicketsOnARealServer(t *testing.T) {
	s3test.Contract(t, func(t *testing.T) s3test.Target {
		const bucket = "frames"
		server := s3test.Start(t)
		server.CreateBucket(t, bucket)
		return s3test.Target{
			Endpoint: server.Endpoint, PKI: server.PKI, Credentials: server.Credentials(), Bucket: bucket,
			Keys: func(t testing.TB) []string { return server.Keys(t, bucket, "") },
			Read: func(t testing.TB, key string) s3test.Object { return server.Read(t, bucket, key) },
		}
	})
}
