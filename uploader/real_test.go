package uploader

import (
	"bytes"
	"os"
	"testing"

	"shelfagent/queue"
	"shelfagent/uploader/backend/s3test"
	"shelfagent/uploader/ticket"

	"github.com/aws/aws-sdk-go-v2/credentials"
)

// openRealShop has a real S3 server in place of the test's own bucket.
func openRealShop(t *testing.T, change func(*shop)) (*shop, *s3test.Server) {
	t.Helper()
	server := s3test.Start(t)
	server.CreateBucket(t, testBucket)
	owner, err := server.Credentials().Retrieve(t.Context())
	must(t, err)
	s := openShop(t, func(s *shop) {
		s.options.S3CAs = server.PKI.Pool()
		s.options.Destinations = []ticket.Destination{{Host: server.Addr, Bucket: testBucket}}
		s.backend.behind = s.newBackend(server.Endpoint, credentials.NewStaticCredentialsProvider(owner.AccessKeyID, owner.SecretAccessKey, ""))
		if change != nil {
			change(s)
		}
	})
	return s, server
}

// TestRealS3 takes frames through the real backend to a real S3 server: stored, found there again, refused for other
// bytes, and after the server's death and return.
func TestRealS3(t *testing.T) {
	s, server := openRealShop(t, nil)

	// Small, because a server may refuse a large body by a reset: an unknown outcome, rightly tried again later.
	item := s.put(1, 16_000)
	want, err := os.ReadFile(s.payload(item))
	must(t, err)
	s.once()
	s.wantDelivered(item, queue.ProofStored)
	receipt, err := s.queue.Receipt(item.ID)
	must(t, err)
	if got := server.Read(t, testBucket, receipt.Key); !bytes.Equal(got.Body, want) || got.ContentType != "image/jpeg" {
		t.Errorf("the bucket holds %d bytes of %s", len(got.Body), got.ContentType)
	}

	// The receipt is lost with the whole queue, and the same picture is captured again.
	must(t, s.queue.Close())
	s.dir = t.TempDir()
	s.openQueue()
	s.Uploader.queue = s.queue
	item = s.put(1, 16_000)
	s.once()
	s.wantDelivered(item, queue.ProofExists)

	// The payload rots on the disk: S3 refuses it, and the frame is parked.
	rotten := s.put(2, 10_000)
	raw, err := os.ReadFile(s.payload(rotten))
	must(t, err)
	raw[5000] ^= 0x10
	must(t, os.WriteFile(s.payload(rotten), raw, 0o600))
	s.once()
	s.wantItem(rotten.ID, queue.Parked, 1, "payload_damaged")

	server.Stop()
	item = s.put(3, 1000)
	s.once()
	s.wantItem(item.ID, queue.Deferred, 0, "")
	s.wantOutage(CauseLink)
	server.Start()
	must(t, s.queue.Retry(t.Context(), item.ID))
	s.probeNow()
	s.once()
	s.wantOutage("")
	if keys := server.Keys(t, testBucket, "raw/4711/"); len(keys) != 2 {
		t.Errorf("keys %q, want two", keys)
	}
}

// TestRealS3DeniesAForgedTicket: a ticket signed with other credentials ends at S3, and the frame stays.
func TestRealS3DeniesAForgedTicket(t *testing.T) {
	s, server := openRealShop(t, nil)
	s.backend.behind = s.newBackend(server.Endpoint, testCredentials)
	item := s.put(1, 1000)
	s.once()
	s.wantItem(item.ID, queue.Deferred, 1, "")
	if got := s.Status().Outcomes[CauseS3Denied]; got != 1 {
		t.Errorf("outcomes %v", s.Status().Outcomes)
	}
}

// TestRealS3ManyFrames: each frame is one object, and no try goes wrong.
func TestRealS3ManyFrames(t *testing.T) {
	const frames = 60
	s, server := openRealShop(t, func(s *shop) { s.options.Concurrency = 8 })
	for i := range frames {
		s.put(i, 3000+i)
	}
	r := s.run()
	s.until("all are delivered", func() bool { return s.queue.Stats().Delivered == frames })
	s.halt(r)
	if keys := server.Keys(t, testBucket, "raw/4711/"); len(keys) != frames {
		t.Errorf("%d objects", len(keys))
	}
	if got := s.Status().Outcomes; got[CauseDelivered] != frames || len(got) != 1 {
		t.Errorf("outcomes %v", got)
	}
}
