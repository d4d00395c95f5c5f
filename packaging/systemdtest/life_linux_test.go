package systemdtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"shelfagent/agent/status"
)

// rig is the whole: the machine, what it talks to, and what it films.
type rig struct {
	*machine
	cloud *cloud
	shop  *shop
}

// life is the package's from the first installation to the purge. After each thing that happens to it, every frame is in
// the bucket exactly once.
func life(t *testing.T, k kit) {
	network(t)
	c := newCloud(t, k)
	authority, err := os.ReadFile(c.s3.PKI.CA.Cert)
	if err != nil {
		t.Fatal(err)
	}
	m := newMachine(t, k, string(authority))
	c.open()
	m.boot()
	r := &rig{machine: m, cloud: c, shop: &shop{t: t, dir: m.path("srv/cameras"), drawn: map[string]string{}, read: map[string]bool{}}}
	for _, step := range []struct {
		story string
		do    func()
	}{
		{"installed in the README's own words", r.install},
		{"told that it has no fleet", r.hurry},
		{"killed three times", r.killed},
		{"the machine reboots", r.comesBack(r.reboot)},
		{"the machine's power is cut", r.comesBack(r.cutPower)},
		{"upgraded while the cameras film", r.upgraded},
		{"an upgrade leaves a stopped agent stopped", r.upgradedAtRest},
		{"the disk is full", r.fullDisk},
		{"removed with frames in the queue, and installed again", r.removed},
		{"purged with frames in the queue: they are kept, and delivered after all", r.purgedAndKept},
		{"purged by somebody who wants them gone", r.purgedForGood},
	} {
		began := time.Now()
		say("%s …", step.story)
		step.do()
		say("%s: well, in %s", step.story, time.Since(began).Round(100*time.Millisecond))
	}
	if _, err := m.run("systemctl poweroff"); err != nil {
		t.Log(err) // the connection may end before the answer
	}
	m.gone()
}

// filming begins, and returns when frames arrive.
func (r *rig) filming() (stop func()) {
	r.t.Helper()
	already := len(r.cloud.s3.Keys(r.t, bucket, ""))
	stop = r.shop.film()
	r.await("frames arrive", 90*time.Second, func() bool { return len(r.cloud.s3.Keys(r.t, bucket, "")) > already+10 })
	return stop
}

// install types what the README says; only version, architecture and code are this rig's own. Whoever edits the
// configuration sets the two lines and nothing else.
func (r *rig) install() {
	r.write("usr/local/bin/nano", `#!/bin/sh
exec sed -i -e 's|^url = .*|url = "https://`+ticketsHost+`"|' -e 's|^hosts = .*|hosts = ["`+s3Host+`/`+bucket+`"]|' "$1"
`, 0o755)
	lines := readmeInstall(r.t)
	said := r.do(r.own(lines[0]))
	for _, command := range lines[2:4] { // what is printed is what the README says
		words, _, _ := strings.Cut(command, " --code")
		if !strings.Contains(said, words) {
			r.t.Errorf("apt does not say what comes next, %q:\n%s", words, said)
		}
	}
	r.restsAfterInstall()
	for _, line := range lines[1:] {
		line = r.own(line)
		if strings.Contains(line, " status") {
			r.healthy() // it may still be starting
		}
		say("$ %s", line)
		r.do(line)
	}
	if edited := r.do("diff /root/config.before /etc/shelf-agent/config.toml | grep -c '^>' || true"); strings.TrimSpace(edited) != "2" {
		r.t.Errorf("the edit changed other than two lines: %s", edited)
	}
	r.filming()()
	r.shop.everyFrameOnce(r.machine, r.cloud)
	r.leastPrivilege()
}

// hurry ends the wait of up to a minute before the first upload after a start, in which a fleet that was switched on in
// one moment spreads itself. Nothing else changes; with it, every start below would take half a minute longer.
func (r *rig) hurry() {
	r.do("sed -i 's|^allow_loopback = .*|allow_loopback = true|' /etc/shelf-agent/config.toml && systemctl restart shelf-agent")
	r.healthy()
}

// readmeInstall are the lines of the README's way to install the package.
func readmeInstall(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile(`(?m)^    sudo apt install \./shelf-agent_.*\n(?:    .*\n)+`).FindString(string(raw))
	lines := strings.Split(strings.TrimSpace(block), "\n")
	if len(lines) != 5 {
		t.Fatalf("the README's way to install has %d lines, not five:\n%s", len(lines), block)
	}
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return lines
}

// packageFile is how the README calls the package.
var packageFile = regexp.MustCompile(`\./shelf-agent_\S+\.deb`)

// own puts this rig's file and code into a line of the README.
func (r *rig) own(line string) string {
	line = packageFile.ReplaceAllString(line, "./"+filepath.Base(r.kit.Debs[0]))
	if code := regexp.MustCompile(`--code \S+`); code.MatchString(line) {
		line = code.ReplaceAllString(line, "--code "+r.cloud.invite())
	}
	return line
}

// restsAfterInstall: nothing runs and nothing will, the account and the capture folder are there.
func (r *rig) restsAfterInstall() {
	r.t.Helper()
	for line, want := range map[string]string{
		"systemctl is-active shelf-agent || true":                       "inactive",
		"systemctl is-enabled shelf-agent || true":                      "disabled",
		"stat -c '%A %U %G' /srv/cameras":                               "drwxrws--- root cameras",
		"stat -c '%A %U %G' /etc/shelf-agent/config.toml":               "-rw-r--r-- root root",
		"id -nG shelf-agent":                                            "shelf-agent cameras",
		"getent passwd shelf-agent | cut -d: -f7":                       "/usr/sbin/nologin",
		"cp /etc/shelf-agent/config.toml config.before; echo done":      "done",
		"dpkg-query -W -f '${Status}' shelf-agent":                      "install ok installed",
		"shelf-agent config check | cut -d: -f2":                        "ok",
		"dpkg --verify shelf-agent; echo done":                          "done",
		"test -e /usr/share/man/man1/shelf-agent.1.gz && echo 'a page'": "a page",
	} {
		if got := strings.TrimSpace(r.do(line)); got != want {
			r.t.Errorf("after the installation: %s: %q, want %q", line, got, want)
		}
	}
	group, err := strconv.Atoi(strings.TrimSpace(r.do("getent group cameras | cut -d: -f3")))
	if err != nil {
		r.t.Fatal(err)
	}
	r.shop.group = group
}

// leastPrivilege: the running agent is nobody in particular.
func (r *rig) leastPrivilege() {
	r.t.Helper()
	out := r.do("grep -E '^(Uid|CapEff|NoNewPrivs|Seccomp):' /proc/$(systemctl show -P MainPID shelf-agent)/status | tr -s '\\t ' ' '")
	for _, want := range []string{"CapEff: 0000000000000000", "NoNewPrivs: 1", "Seccomp: 2"} {
		if !strings.Contains(out, want) {
			r.t.Errorf("the agent runs with other rights than the unit's, want %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "Uid: 0 ") {
		r.t.Errorf("the agent runs as root:\n%s", out)
	}
}

// snapshot is what the agent says of itself; ok is false while it says nothing.
func (r *rig) snapshot() (s status.Snapshot, ok bool) {
	out, _ := r.run("shelf-agent status --json")
	err := json.Unmarshal([]byte(out), &s)
	return s, err == nil && s.PID != 0
}

// healthy waits until the agent says that all is well.
func (r *rig) healthy() status.Snapshot {
	r.t.Helper()
	var last status.Snapshot
	r.await("the agent is healthy", 90*time.Second, func() bool {
		s, ok := r.snapshot()
		last = s
		return ok && s.Verdict == status.Healthy
	})
	return last
}

func (r *rig) killed() {
	stop := r.filming()
	for n := range 3 {
		before := r.healthy().PID
		r.do("systemctl kill --signal=KILL shelf-agent")
		r.await("systemd starts the agent again", 30*time.Second, func() bool {
			s, ok := r.snapshot()
			return ok && s.PID != before
		})
		if restarts := strings.TrimSpace(r.do("systemctl show -P NRestarts shelf-agent")); restarts != strconv.Itoa(n+1) {
			r.t.Errorf("systemd counts %s restarts, want %d", restarts, n+1)
		}
	}
	stop()
	r.shop.everyFrameOnce(r.machine, r.cloud)
}

// comesBack is a story in which the machine ends while the cameras film, and is switched on again.
func (r *rig) comesBack(end func()) func() {
	return func() {
		stop := r.filming()
		end()
		r.boot()
		r.healthy()
		stop()
		r.shop.everyFrameOnce(r.machine, r.cloud)
	}
}

func (r *rig) reboot() {
	_, _ = r.run("systemctl reboot") // the connection may end before the answer
	r.gone()
}

func (r *rig) upgraded() {
	stop := r.filming()
	before, configured := r.healthy(), r.do("cat /etc/shelf-agent/config.toml")
	said := r.do(packageFile.ReplaceAllString(readmeLine(r.t, `sudo apt-get install .*force-confold.*`), "./"+filepath.Base(r.kit.Debs[1])))
	after := r.healthy()
	stop()
	if before.Version != versions[0] || after.Version != versions[1] || after.PID == before.PID {
		r.t.Errorf("before the upgrade %s, process %d; after it %s, process %d\n%s", before.Version, before.PID, after.Version, after.PID, said)
	}
	if strings.Contains(said, "not started") {
		r.t.Errorf("an upgrade speaks as if it were the first installation:\n%s", said)
	}
	if r.do("cat /etc/shelf-agent/config.toml") != configured {
		r.t.Error("the upgrade changed the configuration")
	}
	if !strings.Contains(r.do("cat /etc/shelf-agent/config.toml.dpkg-dist"), "a line more") {
		r.t.Error("the new reference is not beside the configuration")
	}
	r.shop.everyFrameOnce(r.machine, r.cloud)
}

// upgradedAtRest is on a rig where `shelf-agent service install` was used before there was a package.
func (r *rig) upgradedAtRest() {
	r.do("systemctl stop shelf-agent && shelf-agent service unit > /etc/systemd/system/shelf-agent.service")
	if said := r.do("dpkg -i ./" + filepath.Base(r.kit.Debs[1])); !strings.Contains(said, "hides the unit of this package") {
		r.t.Errorf("nothing is said of the unit that has precedence:\n%s", said)
	}
	r.do("rm /etc/systemd/system/shelf-agent.service && systemctl daemon-reload")
	if got := strings.TrimSpace(r.do("systemctl is-active shelf-agent || true")); got != "inactive" {
		r.t.Errorf("the upgrade made a stopped agent %s", got)
	}
	r.do("systemctl start shelf-agent")
	r.healthy()
}

// fullDisk takes all space from the agent, so that not even its own notes fit, and gives it back.
func (r *rig) fullDisk() {
	filler, err := os.Create(filepath.Join(r.state, "filler"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = filler.Close() }()
	r.fill(filler)
	stop := r.shop.film()
	r.await("the agent says that there is no space", time.Minute, func() bool {
		s, _ := r.snapshot()
		for _, condition := range s.Conditions {
			if condition.Code == "queue_full" {
				return true
			}
		}
		return false
	})
	r.do("systemctl kill --signal=KILL shelf-agent") // and it starts on a full disk
	r.await("the agent runs on a full disk", time.Minute, func() bool {
		_, ok := r.snapshot()
		return ok
	})
	stop()
	if err := errors.Join(filler.Close(), os.Remove(filler.Name())); err != nil {
		r.t.Fatal(err)
	}
	r.shop.everyFrameOnce(r.machine, r.cloud)
	r.healthy()
}

// fill lets a file grow by ever smaller pieces, until nothing is left.
func (r *rig) fill(filler *os.File) {
	r.t.Helper()
	at := int64(0)
	for piece := int64(stateSize); piece >= 4<<10; {
		if unix.Fallocate(int(filler.Fd()), 0, at, piece) == nil {
			at += piece
		} else {
			piece /= 2
		}
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(r.state, &fs); err != nil || fs.Bavail > 16 {
		r.t.Fatalf("the disk is not full: %d blocks, %v", fs.Bavail, err)
	}
}

// backlog films while S3 is out of reach, until so many frames wait in the queue.
func (r *rig) backlog(want int64) {
	r.t.Helper()
	r.cloud.unreachable()
	stop := r.shop.film()
	r.await("frames wait in the queue", time.Minute, func() bool {
		s, ok := r.snapshot()
		return ok && s.Queue.Waiting >= want
	})
	stop()
}

// payloads counts the frames on the agent's disk.
func (r *rig) payloads() int {
	r.t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(r.do("find /var/lib/shelf-agent/queue/payload -type f 2>/dev/null | wc -l")))
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

func (r *rig) removed() {
	r.backlog(20)
	r.do("apt remove -y shelf-agent")
	if n := r.payloads(); n < 20 {
		r.t.Errorf("after the removal %d frames are left in the queue", n)
	}
	if out, err := r.run("systemctl is-active shelf-agent || test -e /usr/bin/shelf-agent"); err == nil {
		r.t.Errorf("after the removal there is still an agent: %s", out)
	}
	r.do("test -e /etc/shelf-agent/config.toml && test -e /var/lib/shelf-agent/identity/rig-key.pem")
	r.cloud.reachable()
	r.do("apt install ./" + filepath.Base(r.kit.Debs[1]))
	if got := strings.TrimSpace(r.do("systemctl is-active shelf-agent || true")); got != "inactive" {
		r.t.Errorf("installed again, the agent is %s before anybody has started it", got)
	}
	r.do("systemctl enable --now shelf-agent")
	r.healthy()
	r.shop.everyFrameOnce(r.machine, r.cloud)
}

func (r *rig) purgedAndKept() {
	r.backlog(20)
	said := r.do("apt purge -y shelf-agent")
	n := r.payloads()
	if n < 20 || !strings.Contains(said, fmt.Sprintf("%d pictures that were never delivered are kept in /var/lib/shelf-agent", n)) {
		r.t.Errorf("%d frames are left, and apt says:\n%s", n, said)
	}
	if out := r.do("ls -d /var/lib/shelf-agent/identity /etc/shelf-agent 2>/dev/null || true"); out != "" {
		r.t.Errorf("after the purge there is still %s", out)
	}
	r.cloud.reachable()
	r.install()
}

func (r *rig) purgedForGood() {
	r.backlog(20)
	r.do(readmeLine(r.t, `echo .*delete-frames.*`))
	said := r.do("apt purge -y shelf-agent")
	if strings.Contains(said, "are kept") {
		r.t.Errorf("apt says:\n%s", said)
	}
	if left := strings.TrimSpace(r.do("find /var/lib/shelf-agent -mindepth 1; dpkg-query -W shelf-agent 2>/dev/null || true")); left != "" {
		r.t.Errorf("after the purge there is still:\n%s", left)
	}
	r.do("test -d /srv/cameras") // the cameras' own
	r.cloud.reachable()
}

// readmeLine is the README's only command line of a kind.
func readmeLine(t *testing.T, kind string) string {
	t.Helper()
	raw, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^    (`+kind+`)$`).FindAllSubmatch(raw, -1)
	if len(lines) != 1 {
		t.Fatalf("the README has %d lines like %q", len(lines), kind)
	}
	return string(lines[0][1])
}
