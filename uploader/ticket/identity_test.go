package ticket

import (
	"crypto/x509"
	"errors"
	"net/url"
	"strings"
	"testing"
)

func TestParseIdentity(t *testing.T) {
	tests := []struct {
		name string
		uris []string
		ca   bool
		want Identity
	}{
		{name: "a rig", uris: []string{"spiffe://shelf.example.com/store/4711/rig/left-aisle"},
			want: Identity{"shelf.example.com", "4711", "left-aisle"}},
		{name: "ids with dots", uris: []string{"spiffe://d/store/de.4711/rig/r_1.b"},
			want: Identity{"d", "de.4711", "r_1.b"}},
		{name: "an authority's own certificate", uris: []string{"spiffe://d/store/s/rig/r"}, ca: true},
		{name: "no URI"},
		{name: "two URIs", uris: []string{"spiffe://d/store/s/rig/r", "spiffe://d/store/t/rig/r"}},
		{name: "the same URI twice", uris: []string{"spiffe://d/store/s/rig/r", "spiffe://d/store/s/rig/r"}},
		{name: "other scheme", uris: []string{"https://d/store/s/rig/r"}},
		{name: "no trust domain", uris: []string{"spiffe:///store/s/rig/r"}},
		{name: "trust domain in upper case", uris: []string{"spiffe://D/store/s/rig/r"}},
		{name: "port", uris: []string{"spiffe://d:443/store/s/rig/r"}},
		{name: "user", uris: []string{"spiffe://u@d/store/s/rig/r"}},
		{name: "query", uris: []string{"spiffe://d/store/s/rig/r?x=1"}},
		{name: "empty query", uris: []string{"spiffe://d/store/s/rig/r?"}},
		{name: "fragment", uris: []string{"spiffe://d/store/s/rig/r#f"}},
		{name: "escaped slash", uris: []string{"spiffe://d/store/s%2Frig%2Fx/rig/r"}},
		{name: "needless escape", uris: []string{"spiffe://d/store/%73/rig/r"}},
		{name: "opaque", uris: []string{"spiffe:d/store/s/rig/r"}},
		{name: "store in upper case", uris: []string{"spiffe://d/store/S/rig/r"}},
		{name: "dot segment as store", uris: []string{"spiffe://d/store/../rig/r"}},
		{name: "empty store", uris: []string{"spiffe://d/store//rig/r"}},
		{name: "empty rig", uris: []string{"spiffe://d/store/s/rig/"}},
		{name: "trailing slash", uris: []string{"spiffe://d/store/s/rig/r/"}},
		{name: "a workload of another kind", uris: []string{"spiffe://d/ns/prod/sa/uploader"}},
		{name: "rig of 64 bytes", uris: []string{"spiffe://d/store/s/rig/" + strings.Repeat("r", 64)}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cert := &x509.Certificate{IsCA: test.ca}
			for _, raw := range test.uris {
				uri, err := url.Parse(raw)
				if err != nil {
					t.Fatal(err)
				}
				cert.URIs = append(cert.URIs, uri)
			}
			got, err := ParseIdentity(cert)
			if got != test.want {
				t.Errorf("identity %+v, want %+v", got, test.want)
			}
			if refused := errors.Is(err, ErrIdentity); refused != (test.want == Identity{}) {
				t.Errorf("error %v, want a refusal: %v", err, test.want == Identity{})
			}
		})
	}
}

func TestParseIdentityOfNothing(t *testing.T) {
	if _, err := ParseIdentity(nil); !errors.Is(err, ErrIdentity) {
		t.Errorf("error %v, want ErrIdentity", err)
	}
}
