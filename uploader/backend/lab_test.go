package backend

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shelfagent/uploader/ticket"
)

const aToken = "0123456789abcdef0123456789abcdef"

// labLine is the line of a tokens file.
func labLine(token, who string) string {
	digest := sha256.Sum256([]byte(token))
	return hex.EncodeToString(digest[:]) + " " + who + "\n"
}

func labFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// withHeader asks for a ticket without a certificate of its own choice.
func withHeader(t *testing.T, s *site, client *http.Client, values ...string) (int, http.Header, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+ticket.TicketsPath,
		bytes.NewReader(requestBody(t, frame("f", []byte("x")))))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header["Authorization"] = values
	return do(t, client, request)
}

func TestLabTokens(t *testing.T) {
	var log lines
	o := testOptions()
	o.Log = log.logger()
	var err error
	o.LabTokens, err = LoadLabTokens(labFile(t, "# the bench\n\n"+labLine(aToken, "lab/bench")+labLine("short", "lab/other")), testDomain)
	if err != nil {
		t.Fatal(err)
	}
	s := openStandalone(t, o, tls.VerifyClientCertIfGiven)
	wantRecord(t, log.audit(t, labWarning), map[string]any{"level": "WARN", "tokens": 2.0})
	stranger := card{}.client(t, s, nil)

	status, _, body := withHeader(t, s, stranger, "Bearer "+aToken)
	if status != http.StatusOK || !bytes.Contains(body, []byte(`"key":"raw/lab/`)) {
		t.Errorf("status %d: %s", status, body)
	}
	wantRecord(t, log.audit(t, "ticket issued"), map[string]any{"store": "lab", "rig": "bench", "by": byLabToken, "warning": labWarning})
	for name, values := range map[string][]string{
		"unknown": {"Bearer " + strings.Repeat("x", 32)}, "the digest itself": {"Bearer " + strings.Fields(labLine(aToken, "x"))[0]},
		"too short to count": {"Bearer short"}, "empty": {"Bearer "}, "two": {"Bearer " + aToken, "Bearer " + aToken},
		"another scheme": {"Basic " + aToken}, "without a scheme": {aToken},
	} {
		t.Run(name, func(t *testing.T) {
			for _, client := range []*http.Client{stranger, s.rig} {
				status, header, body := withHeader(t, s, client, values...)
				wantProblem(t, status, header, body, http.StatusForbidden, CodeLabToken)
			}
		})
	}
	status, header, body := withHeader(t, s, stranger)
	wantProblem(t, status, header, body, http.StatusForbidden, CodeNoCertificate)
	if status, _, body := withHeader(t, s, s.rig); status != http.StatusOK || !bytes.Contains(body, []byte(`"key":"raw/4711/`)) {
		t.Errorf("a rig with a certificate: %d: %s", status, body)
	}
	if strings.Contains(log.String(), aToken) {
		t.Error("the log holds the token")
	}
}

// Where no tokens are configured, one is refused even from a rig that is welcome without it.
func TestNoTokenWithoutALab(t *testing.T) {
	inEachHome(t, func(t *testing.T, newSite opener) {
		s := newSite(t, testOptions())
		status, header, body := withHeader(t, s, s.rig, "Bearer "+aToken)
		wantProblem(t, status, header, body, http.StatusForbidden, CodeLabToken)
	})
}

func TestTokensThatCannotStand(t *testing.T) {
	for name, text := range map[string]string{
		"the token instead of its digest": aToken + " lab/bench\n",
		"no rig":                          labLine(aToken, "lab"),
		"a rig that climbs":               labLine(aToken, "lab/../4711"),
		"no store":                        labLine(aToken, ""),
		"twice":                           labLine(aToken, "lab/a") + labLine(aToken, "lab/b"),
	} {
		_, err := LoadLabTokens(labFile(t, text), testDomain)
		if err == nil || strings.Contains(err.Error(), aToken) {
			t.Errorf("%s: error %v, want one that does not quote the line", name, err)
		}
	}
	file := labFile(t, labLine(aToken, "lab/bench"))
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadLabTokens(file, testDomain); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that others can read: %v", err)
	}
}
