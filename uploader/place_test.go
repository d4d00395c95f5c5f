package uploader

import (
	"crypto/x509"
	"net/http"
	"net/url"
	"testing"
	"time"

	"shelfagent/uploader/ticket"
)

// nobody is an address at which nobody listens.
func nobody(t *testing.T) string {
	t.Helper()
	l := listen(t)
	must(t, l.Close())
	return l.Addr().String()
}

// TestP8_WhereTheWayIsBroken: router, backend, bucket and firewall are each somebody else's to mend.
func TestP8_WhereTheWayIsBroken(t *testing.T) {
	noBackend := func(s *shop) { s.options.Backend = &url.URL{Scheme: "https", Host: nobody(t)} }
	noS3 := func(s *shop) {
		at := nobody(t)
		s.options.Destinations = []ticket.Destination{{Host: at, Bucket: testBucket}}
		s.backend.behind = s.newBackend("https://"+at, testCredentials)
	}
	for _, tc := range []struct {
		story string
		spoil func(*shop)
		want  Place
	}{
		{"the backend is gone", noBackend, PlaceBackend},
		{"both are gone", func(s *shop) { noBackend(s); noS3(s) }, PlaceLine},
		{"S3 is gone", noS3, PlaceS3},
		{"the backend is ill", func(s *shop) {
			s.backend.behind = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
		}, PlaceBackend},
		{"the backend's certificate is somebody else's", func(s *shop) { s.options.BackendCAs = x509.NewCertPool() }, PlaceImpostor},
		{"S3's certificate is somebody else's", func(s *shop) { s.options.S3CAs = x509.NewCertPool() }, PlaceImpostor},
	} {
		t.Run(tc.story, func(t *testing.T) {
			s := openShop(t, tc.spoil)
			s.put(1, 1000)
			s.once()
			outage := s.breaker.Outage()
			if outage == nil || outage.Cause != CauseLink || outage.Place != tc.want {
				t.Fatalf("outage %+v, want it at %q", outage, tc.want)
			}
			s.pass()
			if s.Status().Outage != nil {
				t.Error("it does not end")
			}
		})
	}
}

// TestP8_AnIdleRigLearnsThatItIsCutOff: nothing waits, and heartbeats alone tell that the way is broken.
func TestP8_AnIdleRigLearnsThatItIsCutOff(t *testing.T) {
	s := openShop(t, nil)
	heart := s.Heart(func() ticket.Heartbeat { return ticket.Heartbeat{} })
	defer heart.client.CloseIdleConnections()
	s.backend.behind = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	began := time.Now()
	heart.beat(t.Context())
	if got := s.Status(); got.Unheard != nil || got.HeartbeatProblem == "" {
		t.Errorf("one lost heartbeat is chance: %+v", got.Unheard)
	}
	heart.beat(t.Context())
	got := s.Status().Unheard
	if got == nil || got.Cause != CauseLink || got.Place != PlaceBackend || got.Since.Before(began) || got.Reason != "the backend answered 503" {
		t.Errorf("after the second: %+v", got)
	}
}
