package main

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"shelfagent/uploader/backend/devpki"
	"shelfagent/uploader/issuertest"
)

func TestEnrollScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/enroll",
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": exitCode, "replace": replace, "start": start, "terminate": terminate, "issuer": makeIssuer, "answer": answer, "due": issueDue, "renewed": renewed,
		},
		Setup: func(env *testscript.Env) error {
			env.Values[runningKey{}] = &running{}
			env.Values[issuerKey{}] = new(*issuertest.Server)
			return nil
		},
	})
}

type issuerKey struct{}

// issuer starts a backend that enrols, and writes a rig's config.toml for it: $BACKEND is its URL, $ADDRESS its host
// and port. The folder firewall holds another authority. It has invited rig left of store 4711 with the codes FIRST, SECOND and THIRD, and one of store 4712 with MOVED.
func makeIssuer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: issuer")
	}
	server, err := issuertest.Start(ts.MkAbs("pki"))
	ts.Check(err)
	ts.Defer(server.Close)
	*ts.Value(issuerKey{}).(**issuertest.Server) = server
	left := devpki.Rig{Store: "4711", Rig: "left"}
	server.Invitations["FIRST"], server.Invitations["SECOND"], server.Invitations["THIRD"] = left, left, left
	server.Invitations["MOVED"] = devpki.Rig{Store: "4712", Rig: "left"}
	address := strings.TrimPrefix(server.URL, "https://")
	ts.Setenv("BACKEND", server.URL)
	ts.Setenv("ADDRESS", address)
	ts.Setenv("NL", "\n")
	_, err = devpki.Create(ts.MkAbs("firewall"), devpki.Options{})
	ts.Check(err)
	run, err := os.MkdirTemp("", "sa")
	ts.Check(err)
	ts.Defer(func() { os.RemoveAll(run) })
	ts.Check(os.Mkdir(ts.MkAbs("cameras"), 0o700))
	ts.Check(os.WriteFile(ts.MkAbs("config.toml"), fmt.Appendf(nil, `state_dir = '%s'
[capture]
dir = '%s'
[backend]
url = "%s"
ca = '%s'
[upload]
hosts = ["127.0.0.1:1/frames"]
[status]
socket = '%s'
listen = "127.0.0.1:0"
[development]
allow_loopback = true
`, ts.MkAbs("state"), ts.MkAbs("cameras"), server.URL, server.PKI.CA.Cert, filepath.Join(run, "agent.sock")), 0o600))
}

// answer PATH STATUS CODE DETAIL has the backend answer so from now on; "answer PATH lost" has it do its work and hang
// up, "answer PATH ahead SPAN" say another time, "answer PATH" do its work again.
func answer(ts *testscript.TestScript, neg bool, args []string) {
	server := *ts.Value(issuerKey{}).(**issuertest.Server)
	var handler http.HandlerFunc
	switch {
	case neg || len(args) == 0:
		ts.Fatalf("usage: answer PATH [STATUS CODE DETAIL | lost | ahead SPAN]")
	case len(args) == 1:
	case args[1] == "lost":
		handler = func(_ http.ResponseWriter, r *http.Request) {
			server.Enroll(discard{http.Header{}}, r)
			panic(http.ErrAbortHandler)
		}
	case args[1] == "ahead":
		span, err := time.ParseDuration(args[2])
		ts.Check(err)
		handler = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(span).UTC().Format(http.TimeFormat))
		}
	default:
		status, err := strconv.Atoi(args[1])
		ts.Check(err)
		handler = func(w http.ResponseWriter, _ *http.Request) {
			if status == http.StatusTooManyRequests {
				w.Header().Set("Retry-After", "90")
			}
			if args[2] == "" {
				w.WriteHeader(status)
				_, _ = fmt.Fprint(w, args[3])
				return
			}
			issuertest.Refuse(w, status, args[2], args[3])
		}
	}
	server.Override(args[0], handler)
}

// issueDue has the backend sign a certificate that is to be renewed at once; "due no" ends that.
func issueDue(ts *testscript.TestScript, _ bool, args []string) {
	server := *ts.Value(issuerKey{}).(**issuertest.Server)
	if len(args) > 0 {
		server.Change(nil)
		return
	}
	server.Change(func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Minute), time.Now().Add(20*time.Second)
	})
}

// renewed FILE COPY waits until a file is another than its copy.
func renewed(ts *testscript.TestScript, neg bool, args []string) {
	before := ts.ReadFile(args[1])
	for deadline := time.Now().Add(30 * time.Second); ts.ReadFile(args[0]) == before; <-time.After(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("%s did not change", args[0])
		}
	}
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header       { return d.header }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}
