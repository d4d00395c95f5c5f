package uploader

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"shelfagent/queue"
	"shelfagent/uploader/backend"
	"shelfagent/uploader/backend/devpki"
	"shelfagent/uploader/ticket"
)

func newCanary(t *testing.T, s *shop) *Canary {
	t.Helper()
	c, err := NewCanary(s.options, fmt.Appendf(nil, "a canary of %s at %s", t.Name(), time.Now()), time.Now())
	must(t, err)
	t.Cleanup(c.Close)
	return c
}

// takesCanaries gives the real shop a backend whose policy provides for them.
func takesCanaries(t *testing.T) func(*shop) {
	return func(s *shop) {
		behind := "https://" + s.options.Destinations[0].Host
		owner := credentials.NewStaticCredentialsProvider("s3test", "s3test-secret", "")
		b, err := backend.New(t.Context(), backend.Options{
			TrustDomain: devpki.DefaultTrustDomain, Policy: backend.Policy{CanariesPerHour: 10},
			S3: backend.S3{
				Bucket: testBucket, Region: "us-east-1", Endpoint: behind, PathStyle: true, KMSKeyARN: testKeyARN, Credentials: owner,
			},
		})
		must(t, err)
		s.backend.behind = b
	}
}

// TestP2P3_Canary goes the whole way to a real S3 server: stored and proven, then found there and not overwritten.
func TestP2P3_Canary(t *testing.T) {
	s, server := openRealShop(t, takesCanaries(t))
	c := newCanary(t, s)
	for _, want := range []Cause{CauseDelivered, CauseHeld} {
		if seen := c.Ask(t.Context()); seen != nil {
			t.Fatal(Explain(*seen))
		}
		key := c.Key()
		if seen := c.Put(t.Context()); Judge(seen).Cause != want {
			t.Errorf("%s, want %s", Explain(seen), want)
		}
		if !strings.HasPrefix(key, "canary/4711/left/") || c.Key() != "" {
			t.Errorf("key %q, then %q", key, c.Key())
		}
		if got := server.Keys(t, testBucket, ""); len(got) != 1 || got[0] != key {
			t.Errorf("the bucket holds %q", got)
		}
	}
	if seen := c.Put(t.Context()); !errors.Is(seen.Err, ErrNoTicket) {
		t.Errorf("a ticket was used twice: %+v", seen)
	}
	if off, known := c.Clock(); !known || off.Abs() > 2*time.Second {
		t.Errorf("clock: %v, %v", off, known)
	}
}

// TestP6_ACanaryIsHeldToTheRules: a backend that sends it among the frames is refused, as for any other breach.
func TestP6_ACanaryIsHeldToTheRules(t *testing.T) {
	s := openShop(t, nil)
	if seen := newCanary(t, s).Ask(t.Context()); seen == nil || Judge(*seen).Cause != CauseFrameRefused || seen.Code != "no_canaries" {
		t.Errorf("no canaries: %+v", seen)
	}
	frames := openShop(t, func(s *shop) {
		takesCanaries(t)(s)
		honest := s.backend.behind
		s.backend.behind = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := &rewriter{ResponseWriter: w}
			honest.ServeHTTP(answer, r)
			_, _ = w.Write([]byte(strings.ReplaceAll(answer.String(), "canary/4711", "raw/4711")))
		})
	})
	seen := newCanary(t, frames).Ask(t.Context())
	var refusal *ticket.Error
	if seen == nil || !errors.As(seen.Err, &refusal) || refusal.Fault != ticket.FaultStore {
		t.Errorf("%+v", seen)
	}
}

// TestACanaryIsNobodysFrame: what frames are made of has no room for its name.
func TestACanaryIsNobodysFrame(t *testing.T) {
	s := openShop(t, nil)
	_, err := s.queue.Put(t.Context(), queue.New{
		Camera: ticket.CanaryCamera, CapturedAt: time.Now(), Ext: "png", ContentType: ticket.CanaryType, Payload: []byte("x"),
	})
	if !errors.Is(err, queue.ErrInvalid) || ticket.ValidID(ticket.CanaryCamera) {
		t.Errorf("a frame could be one: %v", err)
	}
}

// rewriter holds an answer back.
type rewriter struct {
	http.ResponseWriter
	strings.Builder
}

func (r *rewriter) Write(p []byte) (int, error) { return r.Builder.Write(p) }
