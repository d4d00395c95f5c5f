package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/kardianos/service"

	"shelfagent/systemd"
)

// TestTheUnitRunsWhatTheServiceRuns: the package installs the unit as it is, `service install` with the
// program's own place in it.
func TestTheUnitRunsWhatTheServiceRuns(t *testing.T) {
	for _, program := range []string{packagedProgram, "/usr/local/bin/shelf-agent", "/opt/shelf-agent/1.4.0/shelf-agent"} {
		unit, err := unitFor(program)
		if err != nil {
			t.Fatal(err)
		}
		line := "\nExecStart=" + program + " " + strings.Join(serviceArguments(), " ") + "\n"
		if !strings.Contains(unit, line) || strings.Count(unit, "\nExecStart=") != 1 {
			t.Errorf("%s: the unit does not hold %q", program, line)
		}
		if program != packagedProgram && strings.Contains(unit, packagedProgram+" ") || strings.Count(unit, "="+program+" ") != 2 {
			t.Errorf("%s: start and reload are not all that runs it, or a line runs another", program)
		}
		if program == packagedProgram && unit != string(systemd.Unit) {
			t.Error("the unit is not the reviewed one")
		}
	}
	if found, _, err := rootCommand().Find(serviceArguments()); err != nil || found.Name() != "run" {
		t.Errorf("%v is no command: %v", serviceArguments(), err)
	}
}

func TestAProgramThatTheServiceCouldNotStartIsRefused(t *testing.T) {
	for _, program := range []string{
		"/home/ana/shelf-agent", "/root/shelf-agent", "/tmp/shelf-agent", "/var/tmp/x", "/opt/shelf agent/x", "/opt/100%/x", "/opt/$HOME/x", "/opt/a;b",
	} {
		_, err := unitFor(program)
		var hint hintedError
		if !errors.As(err, &hint) || !strings.Contains(err.Error(), program) || !strings.Contains(hint.hint, packagedProgram) {
			t.Errorf("%s: %v", program, err)
		}
	}
}

// manager is a service manager with nothing but a state.
type manager struct {
	service.Service
	state service.Status
	err   error
}

func (m manager) Status() (service.Status, error) { return m.state, m.err }

func TestActionsThatCannotSucceedAreRefused(t *testing.T) {
	absent, running := manager{err: service.ErrNotInstalled}, manager{state: service.StatusRunning}
	for _, tc := range []struct {
		story  string
		s      manager
		action string
		want   string
	}{
		{"installed for the first time", absent, "install", ""},
		{"installed twice", running, "install", "the service is installed already"},
		{"started before it is installed", absent, "start", "the service is not installed"},
		{"removed twice", absent, "uninstall", "the service is not installed"},
		{"restarted", running, "restart", ""},
		{"in a state that the manager calls an error", manager{err: errors.New("service in failed state")}, "restart", ""},
	} {
		err := ready(tc.s, tc.action)
		var hint hintedError
		if (err == nil) != (tc.want == "") || err != nil && (err.Error() != tc.want || !errors.As(err, &hint) || !strings.Contains(hint.hint, "sudo shelf-agent service ")) {
			t.Errorf("%s: %v, want %q", tc.story, err, tc.want)
		}
	}
}

// stopped counts how often it was stopped.
type stopped struct {
	manager
	times int
}

func (s *stopped) Stop() error { s.times++; return nil }

// TestUninstallStopsAndLeavesPackagesAlone.
func TestUninstallStopsAndLeavesPackagesAlone(t *testing.T) {
	for state, times := range map[service.Status]int{service.StatusRunning: 1, service.StatusStopped: 0} {
		s := &stopped{manager: manager{state: state}}
		if err := stopFirst(s); err != nil || s.times != times {
			t.Errorf("state %d: stopped %d times, %v", state, s.times, err)
		}
	}
	absent := filepath.Join(t.TempDir(), "shelf-agent.service")
	var hint hintedError
	if err := mayUninstall("linux", absent); !errors.As(err, &hint) || !strings.Contains(hint.hint, "apt remove") {
		t.Errorf("a package's: %v", err)
	}
	if err := errors.Join(mayUninstall("windows", absent), mayUninstall("linux", os.Args[0])); err != nil {
		t.Error(err)
	}
}

// TestTheServiceComesBackByItself: what the definition asks of Windows and macOS.
func TestTheServiceComesBackByItself(t *testing.T) {
	for option, want := range map[string]any{
		"OnFailure": "restart", "OnFailureDelayDuration": "5s", "OnFailureResetPeriod": 60, "RunAtLoad": true, "KeepAlive": true,
	} {
		if got := definition("").Option[option]; got != want {
			t.Errorf("%s is %v, want %v", option, got, want)
		}
	}
}

func TestNoServiceWithoutSystemd(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("Linux only")
	}
	if err := systemdOnly("linux-systemd"); err != nil {
		t.Error(err)
	}
	for _, platform := range []string{"unix-systemv", "linux-upstart", "linux-openrc"} {
		if err := systemdOnly(platform); err == nil {
			t.Errorf("%s: a script would run the agent as root", platform)
		}
	}
}

func TestComplaints(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want string
	}{
		{errors.New("it broke"), "shelf-agent: it broke\n"},
		{hinted(errors.New("it broke"), "mend it."), "shelf-agent: it broke\nWhat to do: mend it.\n"},
		{usageError{hinted(errors.New("it broke"), "mend it.")}, "shelf-agent: it broke\nWhat to do: mend it.\n"},
		{hinted(errors.New("it broke"), ""), "shelf-agent: it broke\n"},
	} {
		var out bytes.Buffer
		complain(&out, tc.err)
		if out.String() != tc.want {
			t.Errorf("got %q, want %q", out.String(), tc.want)
		}
	}
	if hinted(nil, "nothing to do") != nil {
		t.Error("a hint makes an error")
	}
}
