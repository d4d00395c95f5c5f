package systemdtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

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
