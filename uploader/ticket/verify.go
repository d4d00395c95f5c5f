package ticket

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// ClockSkew is how far ahead of the rig's clock a ticket may have been signed. More is a wrong clock on one
// of the two sides, and S3 itself refuses more than 15 minutes.
const ClockSkew = 5 * time.Minute

// Policy is what the rig's own configuration and certificate allow.
type Policy struct {
	// Destinations are the places that a PUT may go to; at least one.
	Destinations []Destination
	// Store is the rig's own store, from its certificate.
	Store string
	// KMSKeyARN is the only key that frames may be encrypted with; empty leaves the choice to the backend.
	KMSKeyARN string
	// Now is the rig's clock.
	Now func() time.Time
}

// Destination is an S3 endpoint that frames may be sent to.
type Destination struct {
	// Host is a lower-case host name; with a port only where a development server needs one.
	Host string
	// Bucket is set for path-style URLs, whose path begins with it. Empty means that the bucket is part of
	// the host name and the path is the key alone.
	Bucket string
}

// String is the form that the configuration uses: host, or host/bucket.
func (d Destination) String() string {
	if d.Bucket == "" {
		return d.Host
	}
	return d.Host + "/" + d.Bucket
}

// Verify returns the URL that the frame may be PUT to, or an *Error that names the broken rule.
func (p Policy) Verify(t Ticket, u Upload) (*url.URL, error) {
	if t.Frame != u.Frame {
		return nil, fault(FaultFrame, "it is for frame %.80q, not for %q", t.Frame, u.Frame)
	}
	if t.Method != http.MethodPut {
		return nil, fault(FaultMethod, "method is %.20q, only PUT is allowed", t.Method)
	}
	target, err := parseTarget(t.URL)
	if err != nil {
		return nil, err
	}
	destination, err := p.destination(target)
	if err != nil {
		return nil, err
	}
	if err := p.verifyKey(t.Key, u.SHA256, u.root()); err != nil {
		return nil, err
	}
	if err := verifyPath(target, destination, t.Key); err != nil {
		return nil, err
	}
	query, err := parseQuery(target.RawQuery)
	if err != nil {
		return nil, err
	}
	if err := query.verifyLifetime(t.ExpiresAt, p.Now()); err != nil {
		return nil, err
	}
	if err := p.verifyHeaders(query.signedHeaders(), t.Headers, u); err != nil {
		return nil, err
	}
	return target, nil
}

// verifyKey holds the key to a plain alphabet, so that no encoding of it means another object.
func (p Policy) verifyKey(key, digest, root string) error {
	if key == "" || len(key) > 1024 {
		return fault(FaultKey, "the key has %d bytes, S3 takes 1 to 1024", len(key))
	}
	for _, r := range key {
		if !plainKeyRune(r) {
			return fault(FaultKey, "the key contains %q; letters, digits and / . _ - = are allowed", r)
		}
	}
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return fault(FaultKey, "the key %q has an empty or dot segment", key)
		}
	}
	if p.Store == "" || !strings.HasPrefix(key, root+p.Store+"/") {
		return fault(FaultStore, "the key %q is not under %s%s/", key, root, p.Store)
	}
	return VerifyDigest(key, digest)
}

// digestRun is what may be read as a digest: a key with two of them would be proof of two frames, and hold one.
var digestRun = regexp.MustCompile(`[0-9a-fA-F]{64,}`)

// VerifyDigest wants the digest in the key as a word of its own, and no other. An *Error says what is wrong.
func VerifyDigest(key, digest string) error {
	found := digestRun.FindAllString(key, -1)
	if len(digest) != 64 || !slices.Contains(found, digest) {
		return fault(FaultDigest, "the key %q does not contain the frame's SHA-256 as a word of its own", key)
	}
	for _, run := range found {
		if run != digest {
			return fault(FaultDigest, "the key %q contains another SHA-256 than the frame's", key)
		}
	}
	return nil
}

func plainKeyRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-=", r)
}
