package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"

	"shelfagent/systemd"
)

// sysusersFile is where an administrator's own declarations of users are (sysusers.d(5)).
const sysusersFile = "/etc/sysusers.d/shelf-agent.conf"

// makeAccount makes the user and groups that the unit names. Only systemd knows this way; elsewhere the service
// runs as the system's own account.
func makeAccount() error {
	if runtime.GOOS != "linux" {
		return nil
	}
	if err := os.MkdirAll("/etc/sysusers.d", 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(sysusersFile, systemd.Sysusers, 0o644); err != nil {
		return err
	}
	out, err := exec.Command("systemd-sysusers", sysusersFile).CombinedOutput()
	if err != nil {
		return fmt.Errorf("making the user shelf-agent and the group cameras by systemd-sysusers: %w: %s", err, out)
	}
	return nil
}
