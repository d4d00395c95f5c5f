package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"shelfagent/agent/config"
	"shelfagent/agent/config/strict"
	"shelfagent/agent/diagnosis"
	"shelfagent/agent/health"
	"shelfagent/uploader"
	"shelfagent/uploader/backend/devpki"
)

// TestP2P3_AHealthyRigPassesEveryStep: to the proof that S3 holds what was sent, and that it is not written over.
func TestP2P3_AHealthyRigPassesEveryStep(t *testing.T) {
	r := newRig(t, cloud(t))
	r.begin(t)
	before := len(r.s3.Keys(t, bucket, ""))
	for range 2 { // each with a picture that there never was
		for _, result := range r.walk(t) {
			if result.Outcome != OK && result.Step != "agent" && result.Step != "clock" { // no agent runs; this machine's clock may run free
				t.Errorf("%+v", result)
			}
		}
	}
	keys := r.s3.Keys(t, bucket, "")
	if len(keys) != before+2 || !strings.HasPrefix(keys[0], "canary/4711/left/") {
		t.Errorf("the bucket holds %q", keys)
	}
	for _, dir := range []string{filepath.Join(r.c.Capture.Dir, "aisle-1"), r.c.StateDir} {
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Errorf("%s holds %v, %v", dir, left, err)
		}
	}
}

func TestWhatTheDocumentTells(t *testing.T) {
	r := newRig(t, cloud(t))
	r.begin(t)
	results := r.walk(t)
	dns, offset, canary := find(results, "s3", "dns"), find(results, "clock offset", ""), find(results, "canary", "")
	if dns.Host != strings.TrimSuffix(r.c.Upload.Hosts[0], "/"+bucket) || len(dns.Addresses) != 1 || dns.Private == nil || !*dns.Private {
		t.Errorf("%+v", dns)
	}
	if tls := find(results, "backend", "tls"); !strings.Contains(tls.Signer, "CN=shelf development authority") {
		t.Errorf("%+v", tls)
	}
	if offset.ClockOffset == nil || *offset.ClockOffset > 2 || *offset.ClockOffset < -2 {
		t.Errorf("%+v", offset)
	}
	if keys := r.s3.Keys(t, bucket, ""); len(keys) != 1 || canary.Key != keys[0] {
		t.Errorf("%+v, the bucket holds %q", canary, keys)
	}
}

// story breaks one thing, and reads what a technician would read.
type story struct {
	name    string
	harm    func(*testing.T, *rig) // before the backend begins
	after   func(*testing.T, *rig) // when it runs
	step    string                 // as in find: "s3 … tls"
	outcome Outcome
	saw, do string // parts; DIR is the rig's folder
	is      health.Code
}

func (s story) told(t *testing.T, r *rig) {
	if s.harm != nil {
		s.harm(t, r)
	}
	r.begin(t)
	if s.after != nil {
		s.after(t, r)
	}
	begins, ends, _ := strings.Cut(s.step, " … ")
	got := find(r.walk(t), begins, ends)
	saw, do := strings.ReplaceAll(s.saw, "DIR", r.dir), strings.ReplaceAll(s.do, "DIR", r.dir)
	if got.Outcome != s.outcome || !strings.Contains(got.Saw, saw) || !strings.Contains(got.Do, do) || got.Condition != s.is {
		t.Errorf("%s %s: %s\nDo: %s\nCondition: %s\nwant %s, %s\nDo: %s\nCondition: %s", got.Outcome, got.Step, got.Saw, got.Do, got.Condition,
			s.outcome, saw, do, s.is)
	}
}

func TestWhatIsBrokenOnTheRig(t *testing.T) {
	server := cloud(t)
	for _, s := range []story{
		{name: "the capture disk is not mounted", harm: func(_ *testing.T, r *rig) { os.RemoveAll(r.c.Capture.Dir) },
			step: "capture folder", outcome: Fail, saw: "DIR/cameras does not exist", do: "mount its disk", is: health.CaptureMissing},
		{name: "without the capture folder nothing can be watched", harm: func(_ *testing.T, r *rig) { os.RemoveAll(r.c.Capture.Dir) },
			step: "watches", outcome: Skipped, saw: "it needs the capture folder"},
		{name: "the capture folder is a file", harm: func(_ *testing.T, r *rig) { r.c.Capture.Dir = r.c.Backend.Key },
			step: "capture folder", outcome: Fail, saw: "not a directory", do: "Set capture.dir to the folder that the cameras write into", is: health.CaptureMissing},
		{name: "the agent has never run", harm: func(_ *testing.T, r *rig) { os.Remove(r.c.StateDir) },
			step: "state folder", outcome: Warn, saw: "DIR/state is not there yet", do: "Nothing before the first start"},
		{name: "no agent runs", step: "agent", outcome: Warn, saw: "none runs", do: "sudo shelf-agent service start"},
		{name: "the state folder is a file", harm: func(_ *testing.T, r *rig) { r.c.StateDir = r.c.Backend.Key },
			step: "state folder", outcome: Fail, saw: "is not a folder", do: "correct state_dir", is: health.QueueFailing},
		{name: "the queue is a file", harm: func(_ *testing.T, r *rig) { r.c.Queue.Dir = r.c.Backend.Key },
			step: "state folder", outcome: Fail, saw: "the queue cannot be looked into: not a directory", do: "sudo -u shelf-agent shelf-agent doctor", is: health.QueueFailing},
		{name: "the queue's disk has less than has to stay free", harm: func(t *testing.T, r *rig) {
			must(t, os.Mkdir(r.c.QueueDir(), 0o700))
			r.c.Queue.MinFree = 1 << 60
		}, step: "state folder", outcome: Fail, saw: "and 1152921504606 MB have to stay free (queue.min_free)", do: "lower queue.min_free", is: health.QueueFull},
		{name: "another program has the page's port", harm: func(t *testing.T, r *rig) { r.c.Status.Listen = listen(t, silent) },
			step: "status page", outcome: Warn, saw: "no agent runs", do: "End the program that has it, or name a free address", is: health.PageUnavailable},
		{name: "the page's address is another machine's", harm: func(_ *testing.T, r *rig) { r.c.Status.Listen = "192.0.2.1:80" },
			step: "status page", outcome: Warn, saw: "192.0.2.1:80", do: "name a free address and port of this machine in status.listen", is: health.PageUnavailable},
		{name: "no certificate", harm: func(_ *testing.T, r *rig) { os.Remove(r.c.Backend.Certificate) },
			step: "identity", outcome: Fail, saw: "rig-4711-left.pem: no such file", do: "sudo shelf-agent enroll. If it was, put the file there, or correct its place in [backend]"},
		{name: "without a certificate the network is looked at all the same", harm: func(_ *testing.T, r *rig) { os.Remove(r.c.Backend.Certificate) },
			step: "s3 … tls", outcome: OK, saw: "certificate signed by CN=shelf development authority"},
		{name: "and so is the backend", harm: func(_ *testing.T, r *rig) { os.Remove(r.c.Backend.Certificate) },
			step: "backend … tls", outcome: OK},
		{name: "without a certificate there is no ticket", harm: func(_ *testing.T, r *rig) { os.Remove(r.c.Backend.Certificate) },
			step: "ticket", outcome: Skipped, saw: "it needs the device certificate and key"},
		{name: "everybody may read the key", harm: func(_ *testing.T, r *rig) { os.Chmod(r.c.Backend.Key, 0o644) },
			step: "identity", outcome: Fail, saw: "(mode 0644); run: chmod 600 ", do: "Do what is said above."},
		{name: "the certificate is no certificate", harm: func(_ *testing.T, r *rig) { r.c.Backend.Certificate = r.c.Backend.Key },
			step: "identity", outcome: Fail, saw: "device certificate ", do: "ask the cloud team for a new one"},
	} {
		t.Run(s.name, func(t *testing.T) {
			if runtime.GOOS == "windows" && (strings.Contains(s.name, "read the key") || strings.Contains(s.saw, "not a directory")) {
				t.Skip("another system, other words")
			}
			s.told(t, newRig(t, server))
		})
	}
}

// TestTheWayIsNotKnown: without the backend's authority nobody can be spoken to.
func TestTheWayIsNotKnown(t *testing.T) {
	r := newRig(t, cloud(t))
	r.begin(t)
	r.c.Backend.CA = filepath.Join(r.dir, "absent.pem")
	var results []Result
	Walk(t.Context(), &r.c, func(result Result) { results = append(results, result) })
	if link := find(results, "link", ""); link.Outcome != Fail || !strings.Contains(link.Saw, "absent.pem") || link.Do == "" || link.Means == "" {
		t.Errorf("%+v", link)
	}
	if got := find(results, "ticket", ""); got.Outcome != Skipped || got.Saw != "the way is not known" {
		t.Errorf("%+v", got)
	}
}

func TestWhatIsBrokenOnTheWay(t *testing.T) {
	server := cloud(t)
	pki := func(t *testing.T, o devpki.Options) *devpki.PKI {
		made, err := devpki.Create(t.TempDir(), o)
		must(t, err)
		return made
	}
	for _, s := range []story{
		{name: "nothing listens at the backend", after: func(t *testing.T, r *rig) { r.c.Backend.URL = "https://" + refusing(t) },
			step: "backend … tcp", outcome: Fail, saw: "the backend: connection refused", do: "Check host and port in backend.url, and whether the firewall lets 127.0.0.1:", is: health.BackendAway},
		{name: "the backend is closed", after: func(t *testing.T, r *rig) { r.c.Backend.URL = "https://" + refusing(t) },
			step: "ticket", outcome: Skipped, saw: "the way to the backend is closed"},
		{name: "nothing listens at S3", after: func(t *testing.T, r *rig) { r.c.Upload.Hosts = []string{refusing(t) + "/frames"} },
			step: "s3 … tcp", outcome: Fail, saw: "S3: connection refused", do: "upload.hosts", is: health.S3Away},
		{name: "a proxy is in the environment", harm: func(t *testing.T, _ *rig) { t.Setenv("HTTPS_PROXY", "http://192.0.2.1:3128") },
			after: func(t *testing.T, r *rig) { r.c.Upload.Hosts = []string{refusing(t) + "/frames"} },
			step:  "s3 … tcp", outcome: Fail, saw: "S3: connection refused", do: "the proxy in the environment: the agent uses none", is: health.S3Away},
		{name: "what follows a closed port", after: func(t *testing.T, r *rig) { r.c.Upload.Hosts = []string{refusing(t) + "/frames"} },
			step: "s3 … tls", outcome: Skipped, saw: "the step before failed"},
		{name: "S3 is closed, and the backend open", harm: func(_ *testing.T, r *rig) { r.s3.Stop() }, after: func(t *testing.T, r *rig) { t.Cleanup(r.s3.Start) },
			step: "ticket", outcome: OK, saw: "the backend knows this rig"},
		{name: "there is nothing to send a canary to", harm: func(_ *testing.T, r *rig) { r.s3.Stop() }, after: func(t *testing.T, r *rig) { t.Cleanup(r.s3.Start) },
			step: "canary", outcome: Skipped, saw: "the way to S3 is closed"},
		{name: "a firewall that signs for the backend", after: func(t *testing.T, r *rig) { r.c.Backend.URL = "https://" + listen(t, firewall(t)) },
			step: "backend … tls", outcome: Fail, saw: `signed by "CN=ACME Firewall,O=ACME", which this machine does not trust; a firewall may be intercepting TLS`,
			do: "name its authority in backend.ca", is: health.TLSIntercepted},
		{name: "a firewall that signs everything itself", after: func(t *testing.T, r *rig) {
			r.c.Backend.URL, r.c.Upload.Hosts = "https://"+listen(t, firewall(t)), []string{listen(t, firewall(t)) + "/frames"}
		}, step: "s3 … tls", outcome: Fail, saw: "a firewall may be intercepting TLS; the same authority signed for 2 hosts here, as a firewall does that intercepts TLS", do: "exempt 127.0.0.1:", is: health.TLSIntercepted},
		{name: "the wrong authority is configured", after: func(t *testing.T, r *rig) { r.c.Backend.CA = pki(t, devpki.Options{}).CA.Cert },
			step: "backend … tls", outcome: Fail, saw: "which this machine does not trust", do: "If the certificate is the right one, name its authority in backend.ca", is: health.TLSIntercepted},
		{name: "a login page without TLS", after: func(t *testing.T, r *rig) {
			r.c.Upload.Hosts = []string{listen(t, func(conn net.Conn) { fmt.Fprint(conn, "HTTP/1.1 302 Found\r\n\r\n") }) + "/frames"}
		}, step: "s3 … tls", outcome: Fail, saw: "does not speak TLS", do: "a login page may be answering", is: health.S3Away},
		{name: "another host's certificate", after: func(t *testing.T, r *rig) {
			elsewhere := pki(t, devpki.Options{Hosts: []string{"s3.example.com"}})
			r.c.Upload.Hosts, r.c.Upload.CA = []string{serve(t, elsewhere) + "/frames"}, elsewhere.CA.Cert
		}, step: "s3 … tls", outcome: Fail, saw: "not for the name", do: "Check the name in upload.hosts", is: health.TLSIntercepted},
		{name: "the backend's certificate has ended", after: func(t *testing.T, r *rig) {
			old := pki(t, devpki.Options{Valid: time.Nanosecond})
			r.c.Backend.URL, r.c.Backend.CA = "https://"+serve(t, old), old.CA.Cert
		}, step: "backend … tls", outcome: Fail, saw: "its certificate is not valid: x509: certificate has expired", do: "Check that this machine's clock is right", is: health.BackendAway},
		{name: "S3's certificate ends soon", after: func(t *testing.T, r *rig) {
			soon := pki(t, devpki.Options{Valid: 5 * time.Minute})
			r.c.Upload.Hosts, r.c.Upload.CA = []string{serve(t, soon) + "/frames"}, soon.CA.Cert
		}, step: "s3 … tls", outcome: Warn, saw: "good until ", do: "ends soon"},
		{name: "a rig in a shop with a name that leads to itself", after: func(_ *testing.T, r *rig) {
			r.c.Development.AllowLoopback, r.c.Upload.Hosts = false, []string{"localhost/frames"}
		}, step: "s3 … dns", outcome: Fail, saw: "is not allowed", do: "Check the name in upload.hosts, the DNS server of this machine, and the VPN", is: health.WrongNetwork},
	} {
		t.Run(s.name, func(t *testing.T) { s.told(t, newRig(t, server)) })
	}
}

func TestWhatIsBrokenInTheCloud(t *testing.T) {
	server := cloud(t)
	overwritten := false
	for _, s := range []story{
		{name: "the rig was revoked", harm: func(t *testing.T, r *rig) { r.revoke(t) },
			step: "ticket", outcome: Fail, saw: "the backend answered 403 revoked", do: "whether this rig is enrolled and not revoked", is: health.BackendDenied},
		{name: "the rig is of another trust domain", harm: func(_ *testing.T, r *rig) { r.backend.TrustDomain = "other.example.com" },
			step: "ticket", outcome: Fail, saw: "the backend answered 403 trust_domain", do: "sudo shelf-agent enroll", is: health.BackendDenied},
		{name: "the rig's certificate is of an authority that the backend does not know", harm: func(t *testing.T, r *rig) {
			other, err := devpki.Create(t.TempDir(), devpki.Options{Rigs: []devpki.Rig{left}})
			must(t, err)
			r.c.Backend.Certificate, r.c.Backend.Key = other.RigFiles(left).Cert, other.RigFiles(left).Key
		}, step: "ticket", outcome: Fail, saw: "it refused the certificate of this rig", do: "enrolled and not revoked", is: health.BackendDenied},
		{name: "the device certificate has ended", harm: func(t *testing.T, r *rig) {
			other, err := devpki.Create(t.TempDir(), devpki.Options{Rigs: []devpki.Rig{left}, Valid: time.Nanosecond})
			must(t, err)
			r.c.Backend.Certificate, r.c.Backend.Key = other.RigFiles(left).Cert, other.RigFiles(left).Key
		}, step: "identity", outcome: Fail, saw: "the certificate ended on ", do: "the rig has to be enrolled anew", is: health.CertificateEnded},
		{name: "the device certificate ends soon", harm: func(t *testing.T, r *rig) {
			other, err := devpki.Create(t.TempDir(), devpki.Options{Rigs: []devpki.Rig{left}, Valid: 10 * time.Minute})
			must(t, err)
			r.c.Backend.Certificate, r.c.Backend.Key = other.RigFiles(left).Cert, other.RigFiles(left).Key
		}, step: "identity", outcome: Warn, saw: "the certificate ends soon", do: "should have renewed it", is: health.CertificateEnds},
		{name: "the backend takes no canaries", harm: func(_ *testing.T, r *rig) { r.backend.Policy.CanariesPerHour = 0 },
			step: "ticket", outcome: Skipped, saw: "the backend knows this rig, but takes no canary of it: the backend answered 422 no_canaries"},
		{name: "without a ticket there is no canary", harm: func(_ *testing.T, r *rig) { r.backend.Policy.CanariesPerHour = 0 },
			step: "canary", outcome: Skipped, saw: "there is no ticket"},
		{name: "the second ticket is one too many", harm: func(_ *testing.T, r *rig) { r.backend.Policy.CanariesPerHour = 1 },
			step: "no overwriting", outcome: Skipped, saw: "there was no second ticket: the backend answered 429 canaries"},
		{name: "the rig tries too often", harm: func(_ *testing.T, r *rig) { r.backend.Policy.CanariesPerHour = 1 },
			after: func(t *testing.T, r *rig) { r.walk(t) },
			step:  "ticket", outcome: Warn, saw: "the backend answered 429 canaries", do: "Run it again in 60 minutes.", is: health.TooFast},
		{name: "the backend has no credentials that S3 knows", harm: func(_ *testing.T, r *rig) { r.backend.S3.Credentials = theirs() },
			step: "canary", outcome: Fail, saw: "S3 answered 40", do: "the role needs s3:PutObject on canary/* as on raw/*", is: health.S3Denied},
		{name: "after a refusal there is no proof", harm: func(_ *testing.T, r *rig) { r.backend.S3.Credentials = theirs() },
			step: "proof", outcome: Skipped, saw: "S3 did not take the canary"},
		{name: "the bucket does not exist", harm: func(_ *testing.T, r *rig) { r.backend.S3.Bucket = "nowhere" },
			step: "canary", outcome: Fail, saw: "S3 answered 404 NoSuchBucket", do: "the bucket that the backend names (s3.bucket) does not exist", is: health.UploadsFail},
		{name: "the backend has no credentials at all", harm: func(_ *testing.T, r *rig) { r.backend.S3.Credentials = aws.AnonymousCredentials{} },
			step: "ticket", outcome: Fail, saw: "the backend answered 503 signing", do: "Tell the cloud team what it answered", is: health.TooFast},
		{name: "the backend sends frames elsewhere", after: func(t *testing.T, r *rig) { r.c.Upload.Hosts = []string{serve(t, r.pki) + "/frames"} },
			step: "ticket", outcome: Fail, saw: "ticket refused (host)", do: "Compare upload.hosts and upload.kms_key_arn", is: health.TicketRefused},
		{name: "the backend encrypts with another key", after: func(_ *testing.T, r *rig) { r.c.Upload.KMSKeyARN = strings.Replace(keyARN, "1111", "9999", 1) },
			step: "ticket", outcome: Fail, saw: "x-amz-server-side-encryption-aws-kms-key-id", do: "upload.kms_key_arn", is: health.TicketRefused},
		{name: "the backend's clock is an hour ahead", harm: func(_ *testing.T, r *rig) {
			r.backend.Now = func() time.Time { return time.Now().Add(time.Hour) }
		}, step: "ticket", outcome: Fail, saw: "ticket refused (future_dated)", do: "check this machine's clock", is: health.TicketRefused},
		{name: "what answers proves nothing", harm: func(t *testing.T, r *rig) {
			r.before(t, func(answer *http.Response) { answer.Header.Del("X-Amz-Checksum-Sha256") })
		}, step: "proof", outcome: Fail, saw: "S3 answered 200 without", do: "Tell the cloud team", is: health.UploadsFail},
		{name: "S3 lets itself be written over", harm: func(t *testing.T, r *rig) {
			var sum string
			r.before(t, func(answer *http.Response) {
				if answer.StatusCode == http.StatusPreconditionFailed {
					overwritten, answer.StatusCode = true, http.StatusOK
					answer.Header.Set("X-Amz-Checksum-Sha256", sum)
				}
				sum = answer.Header.Get("X-Amz-Checksum-Sha256")
			})
		}, step: "no overwriting", outcome: Fail, saw: "S3 took the same key a second time", do: "ignores if-none-match"},
	} {
		t.Run(s.name, func(t *testing.T) { s.told(t, newRig(t, server)) })
	}
	if !overwritten {
		t.Error("the front before S3 had nothing to change")
	}
}

// TestADeadNetworkIsSoonDone: servers that take a connection and never say a word.
func TestADeadNetworkIsSoonDone(t *testing.T) {
	r := newRig(t, cloud(t))
	r.begin(t)
	r.c.Backend.URL = "https://" + listen(t, silent)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	results := r.walkIn(ctx, t)
	if got := find(results, "backend", "tls"); got.Outcome != Fail || !strings.Contains(got.Saw, "the backend: no answer in time") || !strings.Contains(got.Do, "in the firewall, without TLS interception") {
		t.Errorf("%+v", got)
	}
	// Doors are tried at once, and each at most in three steps. The command promises a minute.
	if worst := 3*stepTimeout + ticketTimeout; worst > Longest || askTimeout+diskTimeout+Longest >= time.Minute {
		t.Errorf("up to %s, with the limit at %s", worst, Longest)
	}
}

// TestHangingDisks are waited for together, and no longer.
func TestHangingDisks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		ctx, cancel := context.WithTimeout(t.Context(), diskTimeout)
		defer cancel()
		began := time.Now()
		for _, step := range []func() Result{
			diskStep(ctx, "capture folder", func() Result { <-hang; return Result{} }),
			diskStep(ctx, "state folder", func() Result { <-hang; return Result{} }),
		} {
			got := step()
			if got.Outcome != Fail || !strings.Contains(got.Saw, "does not answer") || !strings.Contains(got.Do, "umount -l") || got.Seconds != diskTimeout.Seconds() {
				t.Errorf("%+v", got)
			}
		}
		if took := time.Since(began); took != diskTimeout {
			t.Errorf("waited %s", took)
		}
		close(hang)
	})
}

func TestClockOffset(t *testing.T) {
	for ahead, want := range map[time.Duration]struct {
		outcome Outcome
		saw     string
	}{
		500 * time.Millisecond: {OK, "the backend's clock is 0 s ahead of this machine's"},
		-90 * time.Second:      {Warn, "the backend's clock is 90 s behind this machine's"},
		time.Hour:              {Fail, "the backend's clock is 3600 s ahead of this machine's"},
	} {
		got := clockOffset(ahead, true)
		if got.Outcome != want.outcome || got.Saw != want.saw || (got.Outcome == OK) != (got.Condition == "") || *got.ClockOffset != ahead.Seconds() {
			t.Errorf("%s: %+v", ahead, got)
		}
	}
	if got := clockOffset(0, false); got.Outcome != Skipped {
		t.Errorf("%+v", got)
	}
}

func TestRemedies(t *testing.T) {
	for want, err := range map[string]error{
		"the DNS server of this machine, 192.0.2.53:53": &net.DNSError{Name: "tickets.example.com", Server: "192.0.2.53:53"},
		"Open tickets.example.com:443":                  errors.New("i/o timeout"),
	} {
		if got := Remedy(true, "tickets.example.com:443", err); !strings.Contains(got, want) || !strings.Contains(got, "backend.url") {
			t.Errorf("%v: %q", err, got)
		}
	}
}

// TestConditionsAreDeclared: a code that nobody declared would leave a failure without words.
func TestConditionsAreDeclared(t *testing.T) {
	for _, code := range diagnosis.All() {
		if r := fail("x", "y", "").is(code); r.Condition != code || r.Means == "" || r.Do == "" {
			t.Errorf("%s: %+v", code, r)
		}
	}
}

func TestOnlyKeysOfTheConfigurationAreNamed(t *testing.T) {
	known := strings.Join(strict.Keys(config.Config{}), " ") + " "
	for _, key := range []string{"capture.dir", "state_dir", "backend.url", "backend.ca", "upload.hosts", "upload.ca", "queue.min_free", "status.listen"} {
		if !strings.Contains(known, key+" ") {
			t.Errorf("the advice names %s, which is no key", key)
		}
	}
}

// TestAClockFromBefore: a clock that lost its time is known by what it comes before.
func TestAClockFromBefore(t *testing.T) {
	r := newRig(t, cloud(t))
	id, err := uploader.LoadIdentity(r.c.Backend.Certificate, r.c.Backend.Key)
	must(t, err)
	got := localClock(id, time.Unix(0, 0))
	if got.Outcome != Fail || got.Condition != health.ClockWrong || !strings.Contains(got.Saw, "it is 1970-01-01 00:00:00 UTC, but its certificate") ||
		!strings.Contains(got.Do, "sudo timedatectl set-ntp true") {
		t.Errorf("%+v", got)
	}
	for _, id := range []*uploader.Identity{id, nil} {
		if got := localClock(id, time.Now()); got.Outcome == Fail {
			t.Errorf("%+v", got)
		}
	}
}
