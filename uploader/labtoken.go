package uploader

import (
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"runtime"
	"strings"
)

const labWarning = "the backend knows this rig by a lab token: whoever has seen the token is this rig; never use one in a shop"

// labToken is what fits a header and is too long to be guessed.
var labToken = regexp.MustCompile(`^[A-Za-z0-9._~+/=-]{32,512}$`)

// LoadLabToken reads a bearer token, for laboratories whose network cannot carry client certificates. It refuses a file
// that others on this machine can read.
func LoadLabToken(file string) (string, error) {
	info, err := os.Stat(file)
	if err != nil {
		return "", fmt.Errorf("lab token: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("lab token %s can be read by others (mode %#o); run: chmod 600 %s", file, info.Mode().Perm(), file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("lab token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if !labToken.MatchString(token) {
		return "", fmt.Errorf("lab token %s: want 32 to 512 letters, digits and . _ ~ + / = - on one line", file)
	}
	return token, nil
}

// backendClient shows the backend who the rig is.
func (o Options) backendClient(connections int, note func(netip.Addr)) *http.Client {
	client := newClient(Guard{Development: o.Guard.Development}, tlsConfig(o.BackendCAs, o.proof()), connections, note)
	if o.LabToken != "" {
		client.Transport = labTransport{client.Transport, o.LabToken}
	}
	return client
}

// proof is the certificate that is shown to the backend. With a lab token it is none: the certificate may be of an
// authority that the backend does not know, and a handshake with it would fail.
func (o Options) proof() *Identity {
	if o.LabToken != "" {
		return nil
	}
	return o.Identity
}

// labTransport shows the token with each request to the backend, and to nobody else.
type labTransport struct {
	http.RoundTripper
	token string
}

func (t labTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+t.token)
	return t.RoundTripper.RoundTrip(r)
}

// CloseIdleConnections is found by http.Client.
func (t labTransport) CloseIdleConnections() {
	if closer, ok := t.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}
