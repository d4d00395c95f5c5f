package systemdtest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The network inside: who has which address.
const (
	ticketsHost, ticketsAddr = "tickets.shop.test", "10.111.0.1"
	s3Host, s3Addr           = "s3.shop.test", "10.111.0.3"
	rigAddr                  = "10.111.0.2"
)

// machine is the rig: a Debian, running or not.
type machine struct {
	t      *testing.T
	kit    kit
	state  string // the agent's disk, mounted
	log    string // what the console said
	nspawn *exec.Cmd
	ended  chan error
	init   int // the process id of its systemd, seen from here
}

// network gives the outside its addresses, which are there whether the rig is or not.
func network(t *testing.T) {
	t.Helper()
	for _, arguments := range [][]string{
		{"link", "set", "lo", "up"}, {"address", "add", ticketsAddr + "/32", "dev", "lo"}, {"address", "add", s3Addr + "/32", "dev", "lo"},
	} {
		must(t, "ip", arguments...)
	}
}

// newMachine lays what a rig has before anybody thinks of an agent: a name, a network, the company's authority.
func newMachine(t *testing.T, k kit, authority string) *machine {
	t.Helper()
	m := &machine{t: t, kit: k, state: filepath.Join(filepath.Dir(k.Root), "state"), log: filepath.Join(filepath.Dir(k.Root), "console.log")}
	m.write("etc/hostname", "rig\n", 0o644)
	m.write("etc/hosts", fmt.Sprintf("127.0.0.1 localhost rig\n%s %s\n%s %s\n", ticketsAddr, ticketsHost, s3Addr, s3Host), 0o644)
	m.write("etc/systemd/system/shop-network.service", fmt.Sprintf(`[Unit]
DefaultDependencies=no
Before=network.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/ip link set host0 up
ExecStart=/usr/bin/ip address add %s/24 dev host0
[Install]
WantedBy=multi-user.target
`, rigAddr), 0o644)
	wanted := filepath.Join(k.Root, "etc/systemd/system/multi-user.target.wants/shop-network.service")
	if err := os.Symlink("/etc/systemd/system/shop-network.service", wanted); err != nil {
		t.Fatal(err)
	}
	m.write("usr/local/share/ca-certificates/shop.crt", authority, 0o644)
	m.write("var/log/journal/.keep", "", 0o644) // the journal outlives reboots
	for _, deb := range k.Debs {
		must(t, "cp", deb, filepath.Join(k.Root, "root"))
	}
	must(t, "chroot", k.Root, "update-ca-certificates")
	m.mountState()
	t.Cleanup(m.tell)
	return m
}

// stateSize is more than twice what the agent keeps free of any disk.
const stateSize = 1280 << 20

// mountState gives the agent's state a small disk of its own.
func (m *machine) mountState() {
	m.t.Helper()
	image := m.state + ".img"
	file, err := os.Create(image)
	if err == nil {
		err = errors.Join(file.Truncate(stateSize), file.Close(), os.Mkdir(m.state, 0o755))
	}
	if err != nil {
		m.t.Fatal(err)
	}
	must(m.t, "mkfs.ext4", "-q", "-m", "0", image)
	must(m.t, "mount", "-o", "loop", image, m.state) // the namespace's end unmounts it, and frees the loop device
}

func (m *machine) path(name string) string { return filepath.Join(m.kit.Root, name) }

func (m *machine) write(name, text string, mode os.FileMode) {
	m.t.Helper()
	if err := os.MkdirAll(filepath.Dir(m.path(name)), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(m.path(name), []byte(text), mode); err != nil {
		m.t.Fatal(err)
	}
}

// boot returns when everything has started that starts by itself.
func (m *machine) boot() {
	m.t.Helper()
	console, err := os.OpenFile(m.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		m.t.Fatal(err)
	}
	defer func() { _ = console.Close() }() // nspawn has its own
	m.nspawn = exec.Command(m.kit.Nspawn, "--directory="+m.kit.Root, "--machine=rig", "--boot", "--private-network", "--network-veth",
		"--register=no", "--keep-unit", "--console=pipe", "--bind="+m.state+":/var/lib/shelf-agent")
	m.nspawn.Stdout, m.nspawn.Stderr = console, console
	m.nspawn.Env = append(os.Environ(), "LD_LIBRARY_PATH="+m.kit.Libs)
	if err := m.nspawn.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.ended = make(chan error, 1)
	go func() { m.ended <- m.nspawn.Wait() }()
	m.await("the network", time.Minute, func() bool { return exec.Command("ip", "link", "set", "ve-rig", "up").Run() == nil })
	must(m.t, "ip", "route", "replace", rigAddr, "dev", "ve-rig")
	m.await("the machine runs", time.Minute, func() bool {
		m.init = childOf(m.nspawn.Process.Pid) // at first, a child that prepares the machine and ends
		out, _ := m.run("systemctl is-system-running --wait")
		return strings.TrimSpace(out) == "running"
	})
}

// childOf is a process's first child, or 0.
func childOf(pid int) int {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, file := range tasks {
		raw, _ := os.ReadFile(file)
		if children := strings.Fields(string(raw)); len(children) > 0 {
			child, _ := strconv.Atoi(children[0])
			return child
		}
	}
	return 0
}

// await asks again and again; the machine must not end meanwhile.
func (m *machine) await(what string, limit time.Duration, done func() bool) {
	m.t.Helper()
	deadline, tick := time.After(limit), time.NewTicker(100*time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case err := <-m.ended:
			m.ended <- err
			m.t.Fatalf("%s: the machine ended: %v", what, err)
		case <-deadline:
			m.t.Fatalf("%s: not within %s", what, limit)
		case <-tick.C:
		}
	}
}

// run is a command line as somebody at the machine types it, as root. It returns all that the command says.
func (m *machine) run(line string) (string, error) {
	// No terminal is there, and the command reads nothing.
	cmd := exec.Command("nsenter", "--target", strconv.Itoa(m.init), "--all", "/usr/bin/env", "-i",
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", "TERM=dumb",
		"DEBIAN_FRONTEND=noninteractive", "sh", "-c", "cd /root && "+line)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// do is run that has to succeed.
func (m *machine) do(line string) string {
	m.t.Helper()
	out, err := m.run(line)
	if err != nil {
		m.t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return out
}

// gone waits for the machine's end.
func (m *machine) gone() {
	m.t.Helper()
	select {
	case <-m.ended:
	case <-time.After(time.Minute):
		m.t.Fatal("the machine did not end within a minute")
	}
}

// cutPower ends every process of the machine at once.
func (m *machine) cutPower() {
	m.t.Helper()
	if err := syscall.Kill(m.init, syscall.SIGKILL); err != nil {
		m.t.Fatal(err)
	}
	m.gone()
}

// tell shows what the machine said, when something went wrong.
func (m *machine) tell() {
	if !m.t.Failed() {
		return
	}
	if out, err := m.run("journalctl --no-pager -n 60 -u shelf-agent; shelf-agent status"); err == nil || out != "" {
		m.t.Logf("the agent's journal and status:\n%s", out)
	}
	raw, _ := os.ReadFile(m.log)
	m.t.Logf("the end of the console:\n%s", raw[max(0, len(raw)-3000):])
}
