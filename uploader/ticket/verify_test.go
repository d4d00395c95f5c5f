package ticket

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite testdata/tickets/vectors.json from the stories below")

// vectors is the form of testdata/tickets/vectors.json, for any language.
type vectors struct {
	Comment string `json:"comment"`
	Policy  struct {
		Destinations []string  `json:"destinations"`
		Store        string    `json:"store"`
		KMSKeyARN    string    `json:"kms_key_arn"`
		Now          time.Time `json:"now"`
	} `json:"policy"`
	Upload Upload   `json:"upload"`
	Cases  []vector `json:"cases"`
}

type vector struct {
	Story  string `json:"story"`
	Fault  Fault  `json:"fault"` // "" means accepted
	Ticket Ticket `json:"ticket"`
	// Upload is what the ticket was asked for, where it is not the one above.
	Upload *Upload `json:"upload,omitempty"`
}

const (
	digest    = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	frameID   = "cam-3/20261122T011803.123Z-" + digest + ".jpg"
	goodKey   = "raw/store-7/2026-11-22/cam-3/011803.123-" + digest + ".jpg"
	goodHost  = "frames.bucket.vpce-0a1b-2c3d.s3.eu-central-1.vpce.amazonaws.com"
	canaryKey = "canary/store-7/left/2026-11-22/011803.123-" + digest + ".png"
	kmsARN    = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	otherARN  = "arn:aws:kms:eu-central-1:999999999999:key/00000000-12ab-34cd-56ef-1234567890ab"
	pathStyle = "127.0.0.1:7070"
)

var now = time.Date(2026, 11, 22, 1, 20, 0, 0, time.UTC)

func goodPolicy() Policy {
	return Policy{
		Destinations: []Destination{{Host: goodHost}, {Host: pathStyle, Bucket: "frames"}},
		Store:        "store-7",
		KMSKeyARN:    kmsARN,
		Now:          func() time.Time { return now },
	}
}

func goodUpload() Upload {
	return Upload{
		Frame: frameID, Camera: "cam-3",
		CapturedAt: time.Date(2026, 11, 22, 1, 18, 3, 123e6, time.UTC),
		Bytes:      482113, ContentType: "image/jpeg",
		SHA256: digest, MD5: "098f6bcd4621d373cade4e832627b4f6",
	}
}

var vectorFile = filepath.Join("..", "..", "testdata", "tickets", "vectors.json")

// TestP6_Vectors holds Verify against the file that other languages can run, and the file against the
// stories that made it.
func TestP6_Vectors(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	raw, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatalf("%v (run: go test ./uploader/ticket -update)", err)
	}
	var v vectors
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Cases) != len(stories) {
		t.Fatalf("%d cases in the file, %d stories here (run: go test ./uploader/ticket -update)", len(v.Cases), len(stories))
	}
	policy := goodPolicy()
	for _, c := range v.Cases {
		t.Run(c.Story, func(t *testing.T) {
			upload := v.Upload
			if c.Upload != nil {
				upload = *c.Upload
			}
			target, err := policy.Verify(c.Ticket, upload)
			if c.Fault == "" {
				if err != nil || target.String() != c.Ticket.URL {
					t.Fatalf("refused an honest ticket: %v, %v", target, err)
				}
				return
			}
			var refusal *Error
			if !errors.As(err, &refusal) || target != nil {
				t.Fatalf("accepted: %v, %v", target, err)
			}
			if refusal.Fault != c.Fault {
				t.Errorf("fault %q, want %q (%v)", refusal.Fault, c.Fault, err)
			}
			if strings.Contains(err.Error(), "abababab") {
				t.Errorf("the error quotes the signature: %v", err)
			}
		})
	}
}

func writeVectors(t *testing.T) {
	var v vectors
	v.Comment = "Tickets as a backend might answer them, and the verdict of a rig with this policy. " +
		"An empty fault means accepted. A case with an upload of its own was asked for that one. Signatures are made up: a rig cannot check them."
	for _, d := range goodPolicy().Destinations {
		v.Policy.Destinations = append(v.Policy.Destinations, d.String())
	}
	v.Policy.Store, v.Policy.KMSKeyARN, v.Policy.Now = "store-7", kmsARN, now
	v.Upload = goodUpload()
	for _, s := range stories {
		d := goodDraft()
		s.spoil(d)
		v.Cases = append(v.Cases, vector{Story: s.story, Fault: s.fault, Ticket: d.ticket(), Upload: d.upload})
	}
	raw, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(vectorFile), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vectorFile, append(raw, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Every fault must have a story: a rule without one is a rule that nobody would miss.
func TestEveryFaultHasAStory(t *testing.T) {
	seen := map[Fault]bool{}
	for _, s := range stories {
		seen[s.fault] = true
	}
	for _, f := range []Fault{
		FaultFrame, FaultMethod, FaultURL, FaultScheme, FaultUserinfo, FaultFragment, FaultPort, FaultHost, FaultKey,
		FaultStore, FaultDigest, FaultPath, FaultQuery, FaultSignature, FaultExpiry, FaultExpired, FaultFutureDated,
		FaultNotSigned, FaultUnexpected, FaultHeaderAbsent, FaultHeaderValue,
	} {
		if !seen[f] {
			t.Errorf("no story for %q", f)
		}
	}
}

// FuzzVerify looks for an accepted ticket that breaks promise 1 of the package.
func FuzzVerify(f *testing.F) {
	for _, s := range stories {
		d := goodDraft()
		s.spoil(d)
		raw, _ := json.Marshal(d.ticket())
		f.Add(raw)
	}
	policy, upload := goodPolicy(), goodUpload()
	f.Fuzz(func(t *testing.T, raw []byte) {
		var ticket Ticket
		if json.Unmarshal(raw, &ticket) != nil {
			return
		}
		if _, err := policy.Verify(ticket, *goodCanary()); err == nil && !strings.HasPrefix(ticket.Key, "canary/store-7/") {
			t.Errorf("accepted the canary's key %q", ticket.Key)
		}
		target, err := policy.Verify(ticket, upload)
		if err != nil {
			return
		}
		toFrames := target.Host == goodHost && target.Path == "/"+ticket.Key
		toDevelopment := target.Host == pathStyle && target.Path == "/frames/"+ticket.Key
		if target.Scheme != "https" || !toFrames && !toDevelopment || target.User != nil {
			t.Errorf("accepted %v", target)
		}
		if !strings.HasPrefix(ticket.Key, "raw/store-7/") || !strings.Contains(ticket.Key, digest) {
			t.Errorf("accepted the key %q", ticket.Key)
		}
		for name, value := range policy.wanted(upload) {
			if ticket.Headers[name] != value {
				t.Errorf("accepted %s: %q", name, ticket.Headers[name])
			}
		}
	})
}
