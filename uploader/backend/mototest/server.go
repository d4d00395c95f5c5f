package mototest

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// Region is what the environment is set to.
const Region = "us-east-1"

// startTimeout is generous: Python reads all of moto's services.
const startTimeout = time.Minute

// running is what the server prints when it is bound; port 0 makes it take a free one.
var running = regexp.MustCompile(`Running on (http://127\.0\.0\.1:[0-9]+)`)

// Start runs a server until the test ends, and returns its URL. The AWS SDK's environment points to it until then.
// It skips the test where there is no moto_server.
func Start(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("moto_server")
	if err != nil {
		t.Skip("SKIPPED: there is no moto_server here (Python's moto[server]): what speaks to AWS is not tested")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "-H", "127.0.0.1", "-p", "0") //nolint:gosec // the tester's own program
	cmd.SysProcAttr = dieWithParent()
	log, stderr, err := os.Pipe()
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	cmd.Stderr = stderr
	started, ended := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // the kernel's "parent" is the thread that forked
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		_ = stderr.Close()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it is killed
		}
	}()
	drained := make(chan struct{})
	t.Cleanup(func() { cancel(); <-ended; _ = log.Close(); <-drained })
	if err := <-started; err != nil {
		close(drained)
		t.Fatal(err)
	}
	endpoint := oneByOne(t, bound(t, log, drained))
	for _, variable := range os.Environ() { // those of one service go before the one for all
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "AWS_ENDPOINT_URL_") {
			t.Setenv(name, "")
		}
	}
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": Region, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		t.Setenv(name, value)
	}
	return endpoint
}

// oneByOne lets requests through one after the other. moto checks a condition and writes in two steps, so that two
// requests at the same time both find what only one of them may find; DynamoDB makes each of them one step.
func oneByOne(t *testing.T, server string) string {
	t.Helper()
	target, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	var mu sync.Mutex
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	return front.URL
}

// bound returns the URL that the server's log names, and reads on, so that the server never waits for a reader.
// drained is closed when the log has ended.
func bound(t *testing.T, log *os.File, drained chan<- struct{}) string {
	t.Helper()
	_ = log.SetReadDeadline(time.Now().Add(startTimeout)) // a pipe can
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if found := running.FindStringSubmatch(lines.Text()); found != nil {
			_ = log.SetReadDeadline(time.Time{})
			go func() { defer close(drained); _, _ = io.Copy(io.Discard, log) }()
			return found[1]
		}
	}
	close(drained)
	t.Fatalf("moto_server did not start within %s: %v", startTimeout, lines.Err())
	return ""
}
