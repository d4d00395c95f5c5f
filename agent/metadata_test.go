package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"shelfagent/agent/frame"
	"shelfagent/queue"
	"shelfagent/uploader/ticket"
)

// TestLongestRequestIsBounded: a request for as many tickets as there can be, with the most that this agent knows of a
// frame, is no longer than firewalls have been told.
func TestLongestRequestIsBounded(t *testing.T) {
	q, err := queue.Open(t.Context(), queue.Options{Dir: t.TempDir(), MinFree: 1, Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	payload := []byte("a picture")
	item, err := q.Put(t.Context(), queue.New{
		Camera: strings.Repeat("c", 63), CapturedAt: time.Date(2026, 11, 22, 1, 18, 3, 123e6, time.UTC), Ext: "webp", ContentType: "image/webp",
		SHA256: sha256.Sum256(payload), Metadata: longestMetadata(), Payload: payload,
	})
	if err != nil {
		t.Fatal(err)
	}
	upload := ticket.Upload{
		Frame: string(item.ID), Camera: item.Camera, CapturedAt: item.CapturedAt, Bytes: 1 << 30, ContentType: item.ContentType,
		SHA256: hex.EncodeToString(item.SHA256[:]), MD5: hex.EncodeToString(item.MD5[:]), Metadata: item.Metadata,
	}
	body, err := json.Marshal(ticket.Request{Uploads: slices.Repeat([]ticket.Upload{upload}, ticket.MaxUploads)})
	t.Logf("%d bytes of %d", len(body), ticket.MaxSentBytes)
	if err != nil || len(body) > ticket.MaxSentBytes {
		t.Errorf("%d bytes, at most %d are allowed; %v", len(body), ticket.MaxSentBytes, err)
	}
}

// longestMetadata is of a frame to which everything happened that can happen to one.
func longestMetadata() map[string]string {
	f := &frame.Frame{
		Width: math.MaxInt32, Height: math.MaxInt32, TimeSource: frame.TimeEXIFLocal, Quality: 100,
		Reworked: []string{frame.ReworkedMasked, frame.ReworkedUpright, frame.ReworkedScaled, frame.ReworkedEncoded},
	}
	seen := sight{
		judgement: frame.Judgement{Measured: true, Brightness: 255, Sharpness: 16 * 255 * 255},
		faults:    []frame.Fault{frame.Dark, frame.BlownOut, frame.Blurred, frame.Frozen},
	}
	// As Go writes the version of what was built from no release, with room to spare.
	const version = "v100.100.100-rc.100.0.20261122011803-0123456789ab+incompatible+dirty"
	return metadata(f, seen, version, clockUnknown)
}
