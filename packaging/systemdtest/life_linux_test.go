package systemdtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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

// hurry ends the wait of up to a minute before the first upload after a start, in which a fleet that was switched on in
// one moment spreads itself. Nothing else changes; with it, every start below would take half a minute longer.
func (r *rig) hurry() {
	r.do("sed -i 's|^allow_loopback = .*|allow_loopback = true|' /etc/shelf-agent/config.toml && systemctl restart shelf-agent")
	r.healthy()
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
