package ticket

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// signatureTime is the form of X-Amz-Date (AWS Signature Version 4, "Elements of a request signature").
const signatureTime = "20060102T150405Z"

// parseTarget refuses every URL that two parsers might read differently.
func parseTarget(raw string) (*url.URL, error) {
	if len(raw) > 8<<10 {
		return nil, fault(FaultURL, "the URL has %d bytes", len(raw))
	}
	for i := range len(raw) {
		if raw[i] <= ' ' || raw[i] >= 0x7f || raw[i] == '\\' {
			return nil, fault(FaultURL, "the URL contains the byte %#02x", raw[i])
		}
	}
	target, err := url.Parse(raw)
	if err != nil {
		return nil, fault(FaultURL, "the URL does not parse") // err would quote the query
	}
	switch {
	case target.Scheme != "https":
		return nil, fault(FaultScheme, "scheme is %.20q, only https is allowed", target.Scheme)
	case target.Opaque != "" || target.Host == "":
		return nil, fault(FaultURL, "the URL has no host")
	case target.User != nil:
		return nil, fault(FaultUserinfo, "the URL carries a user name")
	case strings.Contains(raw, "#"):
		return nil, fault(FaultFragment, "the URL has a fragment")
	}
	return target, nil
}

func (p Policy) destination(target *url.URL) (Destination, error) {
	sameName := false
	for _, d := range p.Destinations {
		if target.Host == d.Host {
			return p.bucketOn(target, d.Host), nil
		}
		sameName = sameName || target.Hostname() == d.Host
	}
	if sameName {
		return Destination{}, fault(FaultPort, "the port in %.100q is not in upload.hosts", target.Host)
	}
	return Destination{}, fault(FaultHost, "host %.100q is not in upload.hosts", target.Host)
}

// bucketOn picks, among the destinations on one host, the one whose bucket begins the path; any of them
// will do for the refusal when none does.
func (p Policy) bucketOn(target *url.URL, host string) Destination {
	var found Destination
	for _, d := range p.Destinations {
		if d.Host != host {
			continue
		}
		found = d
		if strings.HasPrefix(target.Path, d.path("")) {
			break
		}
	}
	return found
}

// path is the URL path of a key at this destination.
func (d Destination) path(key string) string {
	if d.Bucket == "" {
		return "/" + key
	}
	return "/" + d.Bucket + "/" + key
}

func verifyPath(target *url.URL, d Destination, key string) error {
	escaped := strings.ToLower(target.EscapedPath())
	if strings.Contains(escaped, "%2f") || strings.Contains(escaped, "%5c") || strings.Contains(escaped, "%2e") {
		return fault(FaultPath, "the URL's path has an escaped slash or dot")
	}
	if target.Path != d.path(key) {
		return fault(FaultPath, "the URL's path %.200q is not the key %q at %s", target.Path, key, d)
	}
	return nil
}

// query is the query of a presigned URL: known parameters, each once.
type query map[string]string

// knownParameters are those of a URL presigned with Signature Version 4; true marks the required ones.
var knownParameters = map[string]bool{
	"X-Amz-Algorithm":      true,
	"X-Amz-Credential":     true,
	"X-Amz-Date":           true,
	"X-Amz-Expires":        true,
	"X-Amz-SignedHeaders":  true,
	"X-Amz-Signature":      true,
	"X-Amz-Security-Token": false,
	"X-Amz-Content-Sha256": false,
	"x-id":                 false,
}

// fixedParameters are those with one right value.
var fixedParameters = map[string]string{
	"X-Amz-Algorithm":      "AWS4-HMAC-SHA256",
	"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD",
	"x-id":                 "PutObject",
}

func parseQuery(raw string) (query, error) {
	q := query{}
	for pair := range strings.SplitSeq(raw, "&") {
		name, escaped, ok := strings.Cut(pair, "=")
		value, err := url.QueryUnescape(escaped)
		_, known := knownParameters[name]
		_, double := q[name]
		switch {
		case !known:
			return nil, fault(FaultQuery, "unknown query parameter %.40q", name)
		case double:
			return nil, fault(FaultQuery, "query parameter %s stands twice", name)
		case !ok || err != nil || value == "":
			return nil, fault(FaultQuery, "query parameter %s has no proper value", name)
		}
		if want, fixed := fixedParameters[name]; fixed && value != want {
			return nil, fault(FaultSignature, "query parameter %s is not %s", name, want)
		}
		q[name] = value
	}
	for _, name := range slices.Sorted(maps.Keys(knownParameters)) {
		if _, ok := q[name]; knownParameters[name] && !ok {
			return nil, fault(FaultQuery, "query parameter %s is missing", name)
		}
	}
	return q, nil
}

// verifyLifetime takes the signed times for the truth; expiresAt is what the backend says of them.
func (q query) verifyLifetime(expiresAt, now time.Time) error {
	signedAt, err := time.Parse(signatureTime, q["X-Amz-Date"])
	if err != nil {
		return fault(FaultExpiry, "X-Amz-Date is not a time")
	}
	seconds, err := strconv.ParseUint(q["X-Amz-Expires"], 10, 32)
	lifetime := time.Duration(seconds) * time.Second
	if err != nil || lifetime <= 0 || lifetime > MaxTTL {
		return fault(FaultExpiry, "X-Amz-Expires is not between 1 and %.0f seconds", MaxTTL.Seconds())
	}
	end := signedAt.Add(lifetime)
	switch {
	case signedAt.After(now.Add(ClockSkew)):
		return fault(FaultFutureDated, "signed for %s, but this machine's clock says %s",
			signedAt.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	case !end.After(now):
		return fault(FaultExpired, "it ended at %s, and this machine's clock says %s",
			end.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	case expiresAt.IsZero() || expiresAt.After(end.Add(time.Second)):
		return fault(FaultExpiry, "expires_at is absent or later than what was signed")
	case !expiresAt.After(now):
		return fault(FaultExpired, "expires_at is over")
	}
	return nil
}

func (q query) signedHeaders() []string {
	return strings.Split(q["X-Amz-SignedHeaders"], ";")
}
