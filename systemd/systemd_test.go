package systemd

import (
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// unit is the shipped unit: values by section and key, in their order.
func unit(t *testing.T) map[string]map[string][]string {
	t.Helper()
	sections := map[string]map[string][]string{}
	section := ""
	key := regexp.MustCompile(`^[A-Z][A-Za-z]+$`)
	for i, line := range strings.Split(string(Unit), "\n") {
		switch name, value, ok := strings.Cut(line, "="); {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]"):
			section = strings.Trim(line, "[]")
			sections[section] = map[string][]string{}
		case !ok || !key.MatchString(name) || section == "":
			t.Errorf("line %d is neither a comment, a section nor Key=Value: %q", i+1, line)
		case strings.TrimSpace(value) != value || strings.HasSuffix(value, `\`):
			t.Errorf("line %d: blanks at the ends, or a continuation: %q", i+1, line)
		default:
			sections[section][name] = append(sections[section][name], value)
		}
	}
	return sections
}

func TestTheUnitParses(t *testing.T) {
	u := unit(t)
	for _, section := range []string{"Unit", "Service", "Install"} {
		if len(u[section]) == 0 {
			t.Errorf("no [%s]", section)
		}
	}
	if len(u) != 3 {
		t.Errorf("%d sections", len(u))
	}
	for section, keys := range u {
		for key, values := range keys {
			if len(values) > 1 && key != "SystemCallFilter" && key != "ExecReload" {
				t.Errorf("[%s] %s is there %d times; the last would win silently", section, key, len(values))
			}
		}
	}
}

// TestWhatTheAgentRestsOn: lines that other parts of the program assume.
func TestWhatTheAgentRestsOn(t *testing.T) {
	u := unit(t)
	for key, want := range map[string]string{
		"ExecStart": "/usr/bin/shelf-agent run --config /etc/shelf-agent/config.toml",
		"Type":      "notify", "WatchdogSec": "2min", "LoadCredentialEncrypted": "shelf-agent.rig-key",
		"Restart": "always", "KillSignal": "SIGTERM", "User": "shelf-agent", "SupplementaryGroups": "cameras",
		"UMask": "0077", "StateDirectory": "shelf-agent", "StateDirectoryMode": "0700", "RuntimeDirectory": "shelf-agent",
		"RuntimeDirectoryMode": "0750", "NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "AmbientCapabilities": "",
		"ProtectSystem": "strict", "MemoryDenyWriteExecute": "yes", "RestrictNamespaces": "yes",
		"RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
	} {
		if got := u["Service"][key]; !slices.Equal(got, []string{want}) {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if got := u["Unit"]["StartLimitIntervalSec"]; !slices.Equal(got, []string{"0"}) {
		t.Errorf("after some crashes systemd would give up: StartLimitIntervalSec=%q", got)
	}
}

// shared are lines that the comment above their neighbours speaks of.
var shared = []string{
	"ExecStart", "ExecReload", "KillSignal", "WatchdogSignal", "RestartSec", "Group", "SupplementaryGroups", "StateDirectoryMode",
	"RuntimeDirectoryMode", "ConfigurationDirectoryMode", "AmbientCapabilities", "ReadWritePaths", "DevicePolicy", "ProcSubset",
	"ProtectKernelModules", "ProtectKernelLogs", "ProtectControlGroups", "ProtectClock", "ProtectHostname", "RestrictRealtime",
	"RestrictNamespaces", "CapabilityBoundingSet", "SystemCallFilter", "SystemCallErrorNumber",
}

// TestEveryLineHasItsReason: above each setting of the service is a comment, or a neighbour that shares one.
func TestEveryLineHasItsReason(t *testing.T) {
	_, service, _ := strings.Cut(string(Unit), "[Service]\n")
	service, _, _ = strings.Cut(service, "[Install]")
	before := ""
	for _, line := range strings.Split(strings.TrimSpace(service), "\n") {
		name, _, _ := strings.Cut(line, "=")
		reason := strings.HasPrefix(before, "#") || before != "" && slices.Contains(shared, name)
		if line != "" && !strings.HasPrefix(line, "#") && !reason {
			t.Errorf("no reason is given for: %s", line)
		}
		before = line
	}
}

// TestTheWatchdogWaitsLongerThanItsTelling: systemd is told a quarter of WatchdogSec apart, at most ten seconds; a machine
// that is busy for a minute must not cost a restart.
func TestTheWatchdogWaitsLongerThanItsTelling(t *testing.T) {
	t.Setenv("WATCHDOG_USEC", "120000000")
	if n := NewNotifier(slog.New(slog.DiscardHandler)); !n.watchdog || n.every != statusEvery {
		t.Errorf("%+v", n)
	}
}

func TestTheAccountsOfTheUnitAreDeclared(t *testing.T) {
	u := unit(t)
	declared := regexp.MustCompile(`(?m)^[ug] (\S+)`).FindAllStringSubmatch(string(Sysusers), -1)
	for _, key := range []string{"User", "Group", "SupplementaryGroups"} {
		for _, name := range u["Service"][key] {
			if !slices.ContainsFunc(declared, func(d []string) bool { return d[1] == name }) {
				t.Errorf("%s=%s is not declared in shelf-agent.sysusers", key, name)
			}
		}
	}
}

// TestAccountsAndFolderAreMade by systemd's own programs, in a root of its own, from the files as they are shipped.
func TestAccountsAndFolderAreMade(t *testing.T) {
	sysusers, tmpfiles := program(t, "systemd-sysusers"), program(t, "systemd-tmpfiles")
	root := systemRoot(t)
	if out, err := exec.Command(sysusers, "--root="+root, write(t, root, "usr/lib/sysusers.d/shelf-agent.conf", string(Sysusers), 0o644)).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	groups, err := os.ReadFile(filepath.Join(root, "etc/group"))
	cameras := regexp.MustCompile(`(?m)^cameras:x:([0-9]+):shelf-agent$`).FindSubmatch(groups)
	if err != nil || cameras == nil {
		t.Fatalf("%v; etc/group:\n%s", err, groups)
	}
	users, err := os.ReadFile(filepath.Join(root, "etc/passwd"))
	if err != nil || !regexp.MustCompile(`(?m)^shelf-agent:x:.*:/var/lib/shelf-agent:\S*nologin$`).Match(users) {
		t.Errorf("%v; etc/passwd:\n%s", err, users)
	}
	if os.Geteuid() != 0 {
		t.Log("NOT TESTED: only root can make the capture folder")
		return
	}
	// An access list's names are looked up on this machine, not in the root.
	byNumber := strings.ReplaceAll(string(Tmpfiles), "group:cameras", "group:"+string(cameras[1]))
	rules := write(t, root, "usr/lib/tmpfiles.d/shelf-agent.conf", byNumber, 0o644)
	folder := filepath.Join(root, "srv/cameras")
	make := func() os.FileInfo {
		if out, err := exec.Command(tmpfiles, "--root="+root, "--create", rules).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		info, err := os.Stat(folder)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	if got := make().Mode(); got != os.ModeDir|os.ModeSetgid|0o770 {
		t.Errorf("the capture folder has mode %v", got)
	}
	careless := exec.Command("sh", "-c", "umask 077 && mkdir camera && echo x > camera/a.jpg")
	careless.Dir = folder
	if out, err := careless.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, want := range map[string]os.FileMode{"camera": 0o770, "camera/a.jpg": 0o660} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("software with a umask of its own made %s: %v, %v; want %v", name, err, info.Mode(), want)
		}
	}
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := make().Mode(); got != os.ModeDir|0o755 {
		t.Errorf("a folder that was there has mode %v now", got)
	}
}

// program is one of systemd's.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("there is no %s; install systemd", name)
		}
		t.Skipf("NOT TESTED: there is no %s on this machine, so nobody who knows systemd has read the files", name)
	}
	return path
}

// worstExposure is what systemd-analyze may find at most, from 0 to 10. What remains is the network, which the
// agent is for.
const worstExposure = "12" // in tenths

// TestSystemdItselfAgrees asks the machine's own systemd, where there is one.
func TestSystemdItselfAgrees(t *testing.T) {
	analyze := program(t, "systemd-analyze")
	root := systemRoot(t)
	out, err := exec.Command(analyze, "verify", "--root="+root, "--man=no", "shelf-agent.service").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("verify: %v\n%s", err, out)
	}
	out, err = exec.Command(analyze, "security", "--offline=true", "--root="+root, "--no-pager", "--threshold="+worstExposure, "shelf-agent.service").CombinedOutput()
	if err != nil {
		t.Errorf("security: %v\n%s", err, out)
	}
}

// systemRoot is the least of a system that the unit can be part of.
func systemRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	write(t, root, "etc/systemd/system/shelf-agent.service", string(Unit), 0o644)
	write(t, root, "usr/bin/shelf-agent", "#!/bin/sh\n", 0o755)
	write(t, root, "bin/sh", "", 0o755)
	for _, target := range []string{"sysinit", "basic", "shutdown", "network", "local-fs", "multi-user"} {
		write(t, root, "etc/systemd/system/"+target+".target", "[Unit]\nDescription="+target+"\n", 0o644)
	}
	return root
}

// write makes a file below a root and returns its path.
func write(t *testing.T, root, name, content string, mode os.FileMode) string {
	t.Helper()
	file := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	return file
}
