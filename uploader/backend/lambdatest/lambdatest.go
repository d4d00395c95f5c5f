// Package lambdatest runs a program as AWS Lambda does, for tests: it plays the Runtime API, on loopback, from which a
// function takes its events.
package lambdatest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// timeLeft is what the function is told that it has.
const timeLeft = time.Minute

// Function is a program that waits for events.
type Function struct {
	t      *testing.T
	events chan []byte
	answer chan answer
	ended  chan error
	log    string // a file: what is written to it is there at once, which a pipe's other end does not promise
}

type answer struct {
	failed bool
	body   []byte
}

// Start runs the command until the test ends. It changes the command's environment and standard error.
func Start(t *testing.T, cmd *exec.Cmd) *Function {
	t.Helper()
	f := &Function{t: t, events: make(chan []byte), answer: make(chan answer, 1), ended: make(chan error, 1),
		log: filepath.Join(t.TempDir(), "function.log")}
	log, err := os.Create(f.log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	api := httptest.NewServer(http.HandlerFunc(f.serve))
	cmd.Env = append(cmd.Environ(), "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(api.URL, "http://"))
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		api.Close()
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); f.ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-done; api.Close() }) // it waits for an event as long as it lives
	return f
}

// serve is the part of the Runtime API that an event loop uses.
func (f *Function) serve(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/next") {
		select {
		case event := <-f.events:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "request-1")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(timeLeft).UnixMilli()))
			_, _ = w.Write(event)
		case <-r.Context().Done():
		}
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		f.t.Error(err)
	}
	w.WriteHeader(http.StatusAccepted)
	f.answer <- answer{failed: !strings.HasSuffix(r.URL.Path, "/response"), body: body}
}

// Invoke gives the function an event, and returns what it made of it. It fails the test when the function does.
func (f *Function) Invoke(event []byte) []byte {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), timeLeft)
	defer cancel()
	select {
	case f.events <- event:
	case err := <-f.ended:
		f.t.Fatalf("the function ended by itself: %v\n%s", err, f.Log())
	case <-ctx.Done():
		f.t.Fatalf("the function asks for no event: %v\n%s", ctx.Err(), f.Log())
	}
	select {
	case got := <-f.answer:
		if got.failed {
			f.t.Fatalf("the function failed: %s\n%s", got.body, f.Log())
		}
		return got.body
	case err := <-f.ended:
		f.t.Fatalf("the function ended by itself: %v\n%s", err, f.Log())
	case <-ctx.Done():
		f.t.Fatalf("the function does not answer: %v\n%s", ctx.Err(), f.Log())
	}
	return nil
}

// Log is what the function has written so far; all that it wrote before its answer is in it.
func (f *Function) Log() string {
	f.t.Helper()
	text, err := os.ReadFile(f.log)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(text)
}
