package uploader

import (
	"log/slog"
	"path/filepath"
	"testing"

	"shelfagent/queue"
	"shelfagent/uploader/backend"
	"shelfagent/uploader/backend/devpki"
	"shelfagent/uploader/backend/registry"
)

// TestDailyQuotaParksNothing: a rig beyond its day's quota uses up what is left of it, frame by frame, and keeps the
// rest, uncharged, until there is a new one.
func TestDailyQuotaParksNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.db")
	_, err := registry.MakeFile(path)
	must(t, err)
	file, err := registry.OpenFile(path)
	must(t, err)
	remembered := registry.New(file, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { must(t, remembered.Close()) })

	s := openShop(t, nil)
	quota := func(frames int64) {
		t.Helper()
		b, err := backend.New(t.Context(), backend.Options{
			TrustDomain: devpki.DefaultTrustDomain, Registry: remembered, Policy: backend.Policy{DailyFrames: frames},
			S3: backend.S3{
				Bucket: testBucket, Region: "us-east-1", Endpoint: "https://" + s.options.Destinations[0].Host, PathStyle: true,
				KMSKeyARN: testKeyARN, Credentials: testCredentials,
			},
			Log: slog.New(slog.DiscardHandler),
		})
		must(t, err)
		s.backend.behind = b
	}
	var items []queue.Item
	for n := range 5 {
		items = append(items, s.put(n+1, 1000))
	}
	rounds := func() {
		t.Helper()
		for range 20 {
			for _, item := range items {
				if got, err := s.queue.Item(item.ID); err == nil && got.State == queue.Deferred {
					s.makeDue(item.ID)
				}
			}
			s.probeNow()
			s.once()
		}
	}

	quota(3)
	rounds()
	if objects, _ := s.bucket.count(); objects != 3 {
		t.Errorf("%d frames are in the bucket, want the day's 3", objects)
	}
	s.wantOutage(CauseTooFast)
	waiting := 0
	for _, item := range items {
		got, err := s.queue.Item(item.ID)
		if err != nil {
			continue // delivered
		}
		waiting++
		if got.State == queue.Parked || got.Attempts != 0 {
			t.Errorf("%s: %v after %d attempts (%s), want it to wait, uncharged", got.ID, got.State, got.Attempts, got.LastError)
		}
	}
	if waiting != 2 {
		t.Errorf("%d frames wait, want 2", waiting)
	}

	quota(10) // as the next day would be
	rounds()
	for _, item := range items {
		s.wantDelivered(item, queue.ProofStored)
	}
}
