package agent

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shelfagent/agent/capture"
	"shelfagent/agent/config"
	"shelfagent/agent/health"
	"shelfagent/queue"
	"shelfagent/uploader/backend/authority"
	"shelfagent/uploader/backend/devpki"
	"shelfagent/uploader/ticket"
)

// story is how a condition comes about.
type story struct {
	// before changes the lab before the agent starts, then once it runs; either may be nil.
	before, then func(*lab)
	// later is how much later it is looked at: nobody waits half an hour for a test.
	later time.Duration
	// says is in what a person reads of it, beside the condition's own words.
	says string
	// alone says that the story needs a process of its own, and as whom.
	alone who
}

// who a story's process is.
type who int

const (
	anybody who = iota
	master      // may set the limits of its own user namespace
	servant     // is nobody special: root is spared what rights forbid
)

// provoking has a story for every condition.
var provoking = map[health.Code]story{
	health.CaptureMissing: {then: func(l *lab) { _ = os.RemoveAll(l.path("capture")) }, says: "capture"},
	health.CaptureUnmarked: {then: func(l *lab) {
		l.until("it looked", func(f facts) bool { return f.capture.Disk == capture.DiskPresent })
		l.must(os.Rename(l.path("capture"), l.path("unmounted")))
		l.must(os.Mkdir(l.path("capture"), 0o755))
	}, says: "is not in the folder"},
	health.CaptureForeign: {then: func(l *lab) {
		l.until("it looked", func(f facts) bool { return f.capture.Disk == capture.DiskPresent })
		l.must(os.WriteFile(l.path("capture", capture.MarkerName), []byte(`{"id":"00112233445566778899aabbccddeeff"}`), 0o644))
	}, says: "marker 00112233445566778899aabbccddeeff instead of"},
	health.WatchLimit:    {alone: master, before: fewWatches, says: "no space left on device"},
	health.WatchDead:     {alone: servant, before: noWatches, says: "operation not permitted"},
	health.FolderUnnamed: {before: func(l *lab) { l.file("Left Aisle/a.jpg", []byte("x")) }, says: "Left Aisle (warning, for 0 s) 1 files wait in it"},
	health.FilesOdd: {before: func(l *lab) { l.must(os.Symlink("/etc/hostname", l.path("capture", "cam-1", "a.jpg"))) },
		says: "1 things that are no ordinary files"},
	health.CamerasTooMany: {before: func(l *lab) {
		for i := range 1001 {
			l.must(os.Mkdir(l.path("capture", fmt.Sprintf("shelf-%d", i)), 0o755))
		}
	}},
	health.FramesRejected: {before: func(l *lab) { l.write("a.jpg", []byte("<html>please log in</html>")) }, says: "cam-1/a.jpg: "},
	health.MasksMismatch: {before: func(l *lab) {
		l.masked()
		l.write("turned.jpg", noisy(l.t, 240, 320, 1, 60, 250))
	}, says: "masks do not fit: cam-1"},
	health.FramesHeld: {before: func(l *lab) {
		l.masked()
		l.write("turned.jpg", noisy(l.t, 240, 320, 1, 60, 250))
	}, then: func(l *lab) {
		l.until("it is held back", func(f facts) bool { return len(f.capture.Held) == 1 })
		l.write("upright.jpg", noisy(l.t, 320, 240, 1, 60, 250))
	}, says: "files held back: 1"},
	health.CameraSilent: {before: func(l *lab) { l.c = l.configured("[silence]\nafter = \"5m\"\n") }, then: func(l *lab) {
		l.write("a.jpg", noisy(l.t, 320, 240, 1, 60, 250))
		l.until("it was seen", func(f facts) bool { return f.intake.admitted["cam-1"] == 1 })
	}, later: 6 * time.Minute, says: "the last file came at 20"},
	health.CameraDark:     {before: func(l *lab) { l.write("a.jpg", noisy(l.t, 320, 240, 1, 0, 20)) }, says: "mean brightness"},
	health.CameraBlownOut: {before: func(l *lab) { l.write("a.jpg", noisy(l.t, 320, 240, 1, 245, 255)) }, says: "mean brightness 2"},
	health.CameraBlurred:  {before: func(l *lab) { l.write("a.jpg", noisy(l.t, 320, 240, 1, 120, 122)) }, says: "sharpness"},
	health.CameraFrozen: {before: func(l *lab) { l.c = l.configured("[camera.cam-1]\njudge.frozen = 3\n") }, then: func(l *lab) {
		for i := range 3 {
			at := time.Now().Add(-time.Duration(3-i) * time.Minute)
			l.must(os.Chtimes(l.write(fmt.Sprintf("%d.jpg", i), noisy(l.t, 320, 240, 1, 60, 250)), at, at))
			l.until("it is in the queue", func(f facts) bool { return f.intake.admitted["cam-1"] > int64(i) })
		}
	}, says: "frames in a row look the same"},
	health.IntakeFailing: {alone: servant, before: func(l *lab) {
		l.write("a.jpg", picture(l.t, 64))
		l.must(os.Chmod(l.path("capture", "cam-1"), 0o500))
		l.t.Cleanup(func() { _ = os.Chmod(l.path("capture", "cam-1"), 0o700) })
	}, says: "permission denied"},
	health.DiskLow: {then: func(l *lab) {
		f := l.a.look()
		l.stop()
		l.c = l.configured("")
		l.c.Queue.MinFree = 0
		l.must(l.c.Queue.MinFree.UnmarshalText(fmt.Appendf(nil, "%d", f.queue.DiskFree*3/4)))
		l.start()
	}, says: "MB must stay free"},
	health.QueueFull: {before: func(l *lab) {
		l.must(l.c.Queue.MaxBytes.UnmarshalText([]byte("100")))
		l.write("a.jpg", picture(l.t, 64))
	}, says: "full"},
	health.QueueFailing: {before: func(l *lab) {
		l.must(os.MkdirAll(filepath.Join(l.c.QueueDir(), "payload"), 0o755))
		l.must(os.WriteFile(filepath.Join(l.c.QueueDir(), "payload", "cam-1"), nil, 0o600))
	}, then: func(l *lab) { l.write("a.jpg", picture(l.t, 64)) }, says: "not a directory"},
	health.QueueHealed: {before: func(l *lab) {
		l.queued()
		l.must(os.Remove(filepath.Join(l.c.QueueDir(), "queue.db")))
	}, says: "1 frames adopted"},
	health.FramesParked: {before: func(l *lab) {
		l.options.Policy.MaxBytes = 10
		l.write("a.jpg", picture(l.t, 64))
	}, says: "1 frames"},
	health.PayloadDamaged: {before: func(l *lab) {
		l.must(os.Truncate(l.queued(), 3))
	}, says: "1 frames"},
	health.LinkDown: {before: func(l *lab) {
		l.backend.shut()
		l.s3.shut()
		l.write("a.jpg", picture(l.t, 64))
	}, says: "the backend: connection refused"},
	health.BackendAway: {before: func(l *lab) {
		l.backend.shut()
		l.write("a.jpg", picture(l.t, 64))
	}, says: "the backend: connection refused"},
	health.S3Away: {before: func(l *lab) {
		l.s3.shut()
		l.write("a.jpg", picture(l.t, 64))
	}, says: "S3: connection refused"},
	health.TLSIntercepted: {before: func(l *lab) {
		l.s3.cert.Store(l.firewall())
		l.write("a.jpg", picture(l.t, 64))
	}, says: `S3: its certificate was signed by "CN=shelf development authority", which this machine does not trust`},
	health.WrongNetwork: {before: func(l *lab) {
		l.options.S3.Endpoint = "https://0.0.0.0:1"
		l.c.Upload.Hosts = []string{"0.0.0.0:1/frames"}
		l.write("a.jpg", picture(l.t, 64))
	}, says: "S3: address 0.0.0.0 is not allowed"},
	health.BackendDenied: {before: func(l *lab) {
		l.options.TrustDomain = "other.test"
		l.write("a.jpg", picture(l.t, 64))
	}, says: "the backend answered 403"},
	health.BackendFault: {before: func(l *lab) {
		l.backend.put(answers(http.StatusOK, "<html>please log in</html>"))
		l.write("a.jpg", picture(l.t, 64))
	}, says: "What to do: Check backend.url"},
	health.TicketRefused: {before: func(l *lab) {
		l.c.Upload.KMSKeyARN = strings.Replace(labKey, "1234abcd", "ffffffff", 1)
		l.write("a.jpg", picture(l.t, 64))
	}, says: "ticket"},
	health.TooFast: {before: func(l *lab) {
		l.s3.put(answers(http.StatusTooManyRequests, ""))
		l.write("a.jpg", picture(l.t, 64))
	}, says: "S3 answered 429"},
	health.S3Denied: {before: func(l *lab) {
		l.s3.put(answers(http.StatusForbidden, "<Error><Code>AccessDenied</Code></Error>"))
		l.some(4)
	}, says: "S3 answered 403 AccessDenied"},
	health.UploadsFail: {before: func(l *lab) {
		l.s3.put(answers(http.StatusTeapot, ""))
		l.some(4)
	}, says: "S3 answered 418"},
	health.TicketExpired: {before: func(l *lab) {
		l.s3.put(answers(http.StatusForbidden, "<Error><Code>AccessDenied</Code><Expires>2026</Expires><ServerTime>2026</ServerTime></Error>"))
		l.write("a.jpg", picture(l.t, 64))
	}, says: "S3 answered 403"},
	health.NothingDelivered: {before: func(l *lab) {
		l.s3.put(hangs)
		l.write("a.jpg", picture(l.t, 64))
	}, then: func(l *lab) { l.until("it waits", func(f facts) bool { return f.queue.Pending() == 1 }) }, says: "1 frames wait"},
	health.CertificateEnds:  {before: func(l *lab) { l.certified(-90*time.Minute, 5*time.Minute) }, says: "it ends on 20"},
	health.CertificateEnded: {before: func(l *lab) { l.certified(-time.Hour, -time.Minute) }, says: "it ends on 20"},
	// Two thirds of its life are over, and not so much that it ends soon; the backend does not renew.
	health.RenewalFails: {before: func(l *lab) {
		l.certified(-240*time.Second, 65*time.Second)
		l.c.Backend.Renew = true
	}, says: "404"},
	health.CertificateStuck: {then: func(l *lab) {
		l.must(os.WriteFile(l.pki.RigFiles(labRig).Cert, []byte("half of a certif"), 0o644))
		l.backend.CloseClientConnections() // each handshake looks at the files
		l.write("a.jpg", picture(l.t, 64))
	}, says: "failed to find any PEM data"},
	health.ClockLost: {later: -60 * 365 * 24 * time.Hour, says: "it says 19"},
	health.ClockWrong: {before: func(l *lab) { l.options.Now = func() time.Time { return time.Now().Add(time.Hour) } },
		says: "seconds ahead of this machine's"},
	health.ClockUntrusted: {before: func(l *lab) {
		l.backend.put(hangs)
	}, says: "Nobody has confirmed the clock (notice"},
	health.PageUnavailable: {before: func(l *lab) { l.c.Status.Listen = takenAddress(l.t) }, says: "address already in use"},
	health.ConfigReloadFailed: {then: func(l *lab) {
		l.a.Reload(func() (*config.Config, error) {
			return config.Parse("config.toml", []byte("\n[capture]\ndirr = \"/srv\"\n"))
		})
	}, says: "capture.dirr: there is no such key"},
}

// TestP8_EveryConditionIsProvoked: what is declared comes about, in a whole agent, and a person reads what it is, what was
// seen and what to do.
func TestP8_EveryConditionIsProvoked(t *testing.T) {
	for _, c := range health.All() {
		s, told := provoking[c.Code]
		if !told {
			t.Errorf("%s: no story provokes it", c.Code)
			continue
		}
		t.Run(string(c.Code), func(t *testing.T) {
			if s.alone != anybody && !inItsOwnProcess(t, s.alone) {
				return
			}
			s.happens(t, c)
		})
	}
	if len(provoking) != len(health.All()) {
		t.Errorf("%d stories for %d conditions", len(provoking), len(health.All()))
	}
}

func (s story) happens(t *testing.T, c health.Condition) {
	l := newLab(t)
	if s.before != nil {
		s.before(l)
	}
	l.start()
	if s.then != nil {
		s.then(l)
	}
	var text string
	shows := func(facts) bool {
		for _, a := range l.seen(s.later, c.Code) {
			if a.Code == c.Code {
				text = l.reads([]health.Active{a})
				return strings.Contains(text, s.says)
			}
		}
		return false
	}
	if c.Code == health.ConfigReloadFailed { // by a reload, not by a look
		shows = func(facts) bool { text = l.reads(l.a.health.Active()); return text != "" }
	}
	l.until(fmt.Sprintf("%s with %q", c.Code, s.says), shows)
	for _, words := range []string{c.Title, s.says, "What to do: " + c.Do} {
		if !strings.Contains(text, strings.Join(strings.Fields(words), " ")) {
			t.Errorf("a person does not read %q:\n%s", words, text)
		}
	}
}

// TestNothingIsSaidOfAWellRig: none of the stories' conditions is there by itself.
func TestNothingIsSaidOfAWellRig(t *testing.T) {
	l := newLab(t)
	l.start()
	l.write("a.jpg", noisy(t, 320, 240, 1, 60, 250))
	l.until("it is delivered", func(f facts) bool { return f.queue.Delivered == 1 && f.uploader.ClockOffset != nil })
	for _, c := range health.All() {
		if active := l.seen(0, c.Code); len(active) != 0 {
			t.Errorf("looking for %s: %s", c.Code, l.reads(active))
		}
	}
}

func (l *lab) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// file writes below the capture folder, into a folder that is made.
func (l *lab) file(name string, content []byte) {
	l.t.Helper()
	path := l.path("capture", filepath.FromSlash(name))
	l.must(os.MkdirAll(filepath.Dir(path), 0o755))
	l.must(os.WriteFile(path, content, 0o644))
}

// some writes pictures that differ.
func (l *lab) some(n int) {
	for i := range n {
		l.write(fmt.Sprintf("%d.jpg", i), noisy(l.t, 320, 240, uint64(i), 60, 250))
	}
}

func (l *lab) masked() {
	l.c = l.configured("[[camera.cam-1.masks]]\nfor = \"4:3\"\npolygon = [[0, 0], [1, 0], [1, 0.5], [0, 0.5]]\n")
}

// queued leaves a frame in the queue of an agent that has yet to start, and returns the path of its payload.
func (l *lab) queued() string {
	l.t.Helper()
	s := shop{l.t, l.path("other")}
	l.must(os.MkdirAll(s.path("capture", "cam-1"), 0o755))
	s.write("a.jpg", picture(l.t, 64))
	in, q, next := s.intake(queue.Options{})
	in.step(l.t.Context(), next())
	items, _, err := q.Items(l.t.Context(), queue.Filter{}, queue.Page{})
	l.must(err)
	l.must(q.Close())
	l.must(os.MkdirAll(filepath.Dir(l.c.QueueDir()), 0o755))
	l.must(os.Rename(s.path("queue"), l.c.QueueDir()))
	return filepath.Join(l.c.QueueDir(), "payload", filepath.FromSlash(string(items[0].ID)))
}

// firewall is what an interceptor shows: a certificate for the right name, by its own authority.
func (l *lab) firewall() *tls.Certificate {
	l.t.Helper()
	other, err := devpki.Create(l.path("firewall"), devpki.Options{})
	l.must(err)
	cert, err := tls.LoadX509KeyPair(other.Server.Cert, other.Server.Key)
	l.must(err)
	return &cert
}

// certified gives the rig another certificate, valid from and until so long from now.
func (l *lab) certified(from, until time.Duration) {
	l.t.Helper()
	template := authority.RigTemplate(ticket.Identity{TrustDomain: l.pki.TrustDomain, Store: labRig.Store, Rig: labRig.Rig})
	template.NotBefore, template.NotAfter = time.Now().Add(from), time.Now().Add(until)
	cert, err := l.pki.Issue(template)
	l.must(err)
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	l.must(err)
	files := l.pki.RigFiles(labRig)
	l.must(os.WriteFile(files.Key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
	l.must(os.WriteFile(files.Cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}), 0o644))
}
