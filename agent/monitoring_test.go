package agent

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"shelfagent/agent/health"
	"shelfagent/uploader/backend"
	"shelfagent/uploader/ticket"
)

const monitoring = "../packaging/monitoring"

// scraped are the metrics of an agent and a backend that have seen something of everything: a frame that was delivered, one
// that waits, one that was rejected, a window, a heartbeat, a refusal.
func scraped(t *testing.T) string {
	t.Helper()
	l := newLab(t)
	l.c = l.configured("[[upload.window]]\nfrom = \"00:00\"\nto = \"24:00\"\nrate = \"900 MiB\"\n")
	behind, err := backend.New(t.Context(), l.options)
	l.must(err)
	l.backend.put(behind.ServeHTTP)
	l.start()
	l.write("a.jpg", noisy(t, 320, 240, 1, 60, 250))
	l.until("a frame is delivered", func(f facts) bool { return f.queue.Delivered == 1 && !f.uploader.LastHeartbeat.IsZero() })
	l.s3.put(hangs)
	l.write("b.jpg", noisy(t, 320, 240, 2, 60, 250))
	l.write("c.jpg", []byte("<html>please log in</html>"))
	l.until("one is on its way, and one rejected", func(f facts) bool { return f.queue.Leased == 1 && len(f.intake.rejected) == 1 })
	said, err := json.Marshal(ticket.Heartbeat{Verdict: "down", Conditions: []ticket.HeartbeatCondition{{Code: "link_down"}}})
	l.must(err)
	for path, body := range map[string]string{ticket.HeartbeatPath: string(said), ticket.TicketsPath: "{"} {
		config, err := l.pki.ClientTLS(labRig)
		l.must(err)
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
		resp, err := client.Post(l.backend.URL+path, "application/json", strings.NewReader(body))
		l.must(err)
		l.must(resp.Body.Close())
		client.CloseIdleConnections()
	}
	resp, err := http.Get(l.a.Page() + "metrics")
	l.must(err)
	defer resp.Body.Close()
	ours, err := io.ReadAll(resp.Body)
	l.must(err)
	theirs := httptest.NewRecorder()
	behind.Operations().ServeHTTP(theirs, httptest.NewRequest(http.MethodGet, backend.MetricsPath, nil))
	return string(ours) + theirs.Body.String()
}

var (
	metricName = regexp.MustCompile(`\bshelf_(?:agent|backend)_[a-z0-9_]+`)
	codeNamed  = regexp.MustCompile(`\bcode=~?\\?"([^"\\]+)\\?"`)
	grouping   = regexp.MustCompile(`\b(?:by|on|without|ignoring) \(([^)]*)\)|\b([a-z_]+)=~?\\?"|{{ ?(?:\$labels\.)?([a-z_]+) ?}}`)
	labelled   = regexp.MustCompile(`([a-z_]+)="`)
)

// TestMonitoringNamesWhatThereIs: a metric, a label or a condition that is misspelt in a rule never fires, and nobody notices.
func TestMonitoringNamesWhatThereIs(t *testing.T) {
	text := scraped(t)
	metrics, labels := map[string]bool{}, map[string]bool{"instance": true, "job": true} // those two Prometheus adds
	for line := range strings.Lines(text) {
		if name := metricName.FindString(line); name != "" && !strings.HasPrefix(line, "#") {
			metrics[name] = true
			for _, l := range labelled.FindAllStringSubmatch(line, -1) {
				labels[l[1]] = true
			}
		}
	}
	codes := map[string]bool{}
	for _, c := range health.All() {
		codes[string(c.Code)] = true
	}
	named := map[string]bool{}
	for _, name := range []string{"alerts.yml", "alerts.test.yml", "dashboard.json"} {
		raw, err := os.ReadFile(filepath.Join(monitoring, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range metricName.FindAllString(string(raw), -1) {
			if named[m] = true; !metrics[m] {
				t.Errorf("%s names %s, which is in no scrape; there are %v", name, m, slices.Sorted(maps.Keys(metrics)))
			}
		}
		if name == "alerts.test.yml" {
			continue // its series are made up
		}
		for _, c := range codeNamed.FindAllStringSubmatch(string(raw), -1) {
			for code := range strings.SplitSeq(c[1], "|") {
				if !codes[code] {
					t.Errorf("%s names the condition %s, which is not declared", name, code)
				}
			}
		}
		for _, g := range grouping.FindAllStringSubmatch(string(raw), -1) {
			for label := range strings.FieldsFuncSeq(g[1]+" "+g[2]+" "+g[3], func(r rune) bool { return r == ',' || r == ' ' }) {
				if !labels[label] {
					t.Errorf("%s names the label %s, which no metric has", name, label)
				}
			}
		}
	}
	if len(named) < 20 {
		t.Errorf("only %d metrics are named: the test does not read what it should", len(named))
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "shelf_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
	if err != nil {
		t.Error(err)
	}
}

// TestAlertsFire: the rules are Prometheus's to judge.
func TestAlertsFire(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal("there is no promtool here; install it with: sudo apt-get install prometheus")
	} else if err != nil {
		t.Skip("NOT TESTED: there is no promtool here; install it with: sudo apt-get install prometheus")
	}
	for _, args := range [][]string{{"check", "rules", "alerts.yml"}, {"test", "rules", "alerts.test.yml"}} {
		cmd := exec.Command(promtool, args...)
		cmd.Dir = monitoring
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	rules, err := os.ReadFile(filepath.Join(monitoring, "alerts.yml"))
	if err != nil {
		t.Fatal(err)
	}
	stories, err := os.ReadFile(filepath.Join(monitoring, "alerts.test.yml"))
	if err != nil {
		t.Fatal(err)
	}
	// Neither a target that is gone nor the end of a certificate needs a story.
	untold := []string{"ShelfAgentGone", "ShelfCertificateEnds", "ShelfNoTickets"}
	for _, alert := range regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(string(rules), -1) {
		if !strings.Contains(string(stories), "alertname: "+alert[1]+"\n") && !slices.Contains(untold, alert[1]) {
			t.Errorf("%s has no story in alerts.test.yml", alert[1])
		}
	}
}
