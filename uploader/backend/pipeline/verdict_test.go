package pipeline

import (
	"crypto/sha256"
	"encoding/base64"
	"testing"
)

// TestTheStoredDigestIsTheBytes: S3 takes no other one, so that no cloud can be made to keep it; what it says is not
// believed for that.
func TestTheStoredDigestIsTheBytes(t *testing.T) {
	body, other := onRig(t, "camera.jpg"), sha256.Sum256([]byte("other bytes"))
	own := sha256.Sum256(body)
	o := object{created: created{key: keyOf(body)}, bytes: int64(len(body)), contentType: "image/jpeg"}
	for kept, want := range map[string]Reason{
		base64.StdEncoding.EncodeToString(own[:]): "", base64.StdEncoding.EncodeToString(other[:]): DigestMismatch, "": NoChecksum,
	} {
		_, flaw := o.inside(body, kept, judge)
		if flaw == nil && want != "" || flaw != nil && flaw.Reason != want {
			t.Errorf("S3 keeps %q: %+v, want %q", kept, flaw, want)
		}
	}
}
