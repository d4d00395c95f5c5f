package uploader

import (
	"crypto/sha256"
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"shelfagent/queue"
	"shelfagent/uploader/backend"
	"shelfagent/uploader/backend/devpki"
	"shelfagent/uploader/ticket"
)

const aLabToken = "0123456789abcdef0123456789abcdef"

// TestLabTokenIsForTheBackendAlone: a rig whose certificate is nobody's delivers by its token, which S3 never sees.
func TestLabTokenIsForTheBackendAlone(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]string{} // by host
	s := openShop(t, func(s *shop) {
		note := func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				seen[r.Host] = r.Header.Get("Authorization")
				mu.Unlock()
				next.ServeHTTP(w, r)
			})
		}
		at := s.serve(note(s.s3))
		s.options.Destinations = []ticket.Destination{{Host: at, Bucket: testBucket}}
		b, err := backend.New(s.t.Context(), backend.Options{
			TrustDomain: devpki.DefaultTrustDomain,
			S3: backend.S3{Bucket: testBucket, Region: "us-east-1", Endpoint: "https://" + at, PathStyle: true,
				KMSKeyARN: testKeyARN, Credentials: testCredentials},
			LabTokens: backend.LabTokens{sha256.Sum256([]byte(aLabToken)): {
				TrustDomain: devpki.DefaultTrustDomain, Store: testRig.Store, Rig: testRig.Rig}},
			Log: slog.New(slog.DiscardHandler),
		})
		must(s.t, err)
		server := httptest.NewUnstartedServer(note(b))
		server.TLS, err = s.pki.ServerTLS()
		must(s.t, err)
		server.TLS.ClientAuth = tls.VerifyClientCertIfGiven
		server.StartTLS()
		s.t.Cleanup(server.Close)
		s.options.Backend, err = url.Parse(server.URL)
		must(s.t, err)

		self, err := devpki.Create(s.t.TempDir(), devpki.Options{Rigs: []devpki.Rig{testRig}})
		must(s.t, err)
		files := self.RigFiles(testRig)
		s.options.Identity, err = LoadIdentity(files.Cert, files.Key)
		must(s.t, err)
		s.options.LabToken = aLabToken
	})
	item := s.put(1, 1000)
	s.once()
	s.wantDelivered(item, queue.ProofStored)
	backendHost, s3Host := s.options.Backend.Host, s.options.Destinations[0].Host
	if seen[backendHost] != "Bearer "+aLabToken || seen[s3Host] != "" {
		t.Errorf("the backend saw %q, S3 %q", seen[backendHost], seen[s3Host])
	}
	delete(seen, backendHost)
	if failed := s.heart().beat(t.Context()); failed != nil || seen[backendHost] != "Bearer "+aLabToken {
		t.Errorf("the heartbeat: %+v, with %q", failed, seen[backendHost])
	}
	if text := s.log.String(); !strings.Contains(text, labWarning) || strings.Contains(text, aLabToken) {
		t.Errorf("the log lacks the warning, or holds the token: %s", text)
	}
}

func TestLoadLabToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	write := func(text string, mode os.FileMode) {
		must(t, os.WriteFile(file, []byte(text), 0o600))
		must(t, os.Chmod(file, mode))
	}
	write(aLabToken+"\n", 0o600)
	if got, err := LoadLabToken(file); err != nil || got != aLabToken {
		t.Errorf("%q (%v)", got, err)
	}
	for name, text := range map[string]string{
		"empty": "", "short": "secret", "two lines": aLabToken + "\n" + aLabToken, "a line break inside": aLabToken[:31] + "\r\nHost: x",
		"not for a header": aLabToken + "ü",
	} {
		write(text, 0o600)
		if _, err := LoadLabToken(file); err == nil || strings.Contains(err.Error(), aLabToken) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if runtime.GOOS != "windows" {
		write(aLabToken, 0o640)
		if _, err := LoadLabToken(file); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("a file that others can read: %v", err)
		}
	}
	if _, err := LoadLabToken(file + ".gone"); err == nil {
		t.Error("a missing file was taken")
	}
}
