package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"shelfagent/agent/config"
	"shelfagent/systemd"
)

// Where an administrator's own declarations of users and folders are: sysusers.d(5), tmpfiles.d(5).
const (
	sysusersFile = "/etc/sysusers.d/shelf-agent.conf"
	tmpfilesFile = "/etc/tmpfiles.d/shelf-agent.conf"
)

// makeAccount makes the user and groups that the unit names, and the capture folder. Only systemd knows this way;
// elsewhere the service runs as the system's own account.
func makeAccount() error {
	if runtime.GOOS != "linux" {
		return nil
	}
	if err := declare(sysusersFile, systemd.Sysusers, "systemd-sysusers"); err != nil {
		return fmt.Errorf("making the user shelf-agent and the group cameras: %w", err)
	}
	if err := declare(tmpfilesFile, systemd.Tmpfiles, "systemd-tmpfiles", "--create"); err != nil {
		return fmt.Errorf("making the capture folder: %w", err)
	}
	return nil
}

// declare writes a declaration and has the program of systemd's that is for it make what it declares.
func declare(file string, content []byte, program string, args ...string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file, content, 0o644); err != nil {
		return err
	}
	out, err := exec.Command(program, append(args, file)...).CombinedOutput() //nolint:gosec // two programs of systemd's, by their names
	if err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, out)
	}
	return nil
}

// placeConfig puts the reference where the service looks for its configuration, and leaves one that is there alone.
func placeConfig() error {
	err := config.Write(defaultConfig, config.Reference)
	if errors.Is(err, config.ErrExists) {
		return nil
	}
	return err
}

// forgetDeclarations removes what declare has written. The user stays: files are its own.
func forgetDeclarations() error {
	if runtime.GOOS != "linux" {
		return nil
	}
	var failed error
	for _, file := range []string{sysusersFile, tmpfilesFile} {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// sayKept tells what is left after an uninstall.
func sayKept(out io.Writer) error {
	_, err := fmt.Fprintf(out, "\nThe configuration, %s, the state folder with its queue and the device key, and the service's user stay.\n", defaultConfig)
	return err
}

// sayNext tells what a person has to do between install and start.
func sayNext(out io.Writer) error {
	_, err := fmt.Fprintf(out, `
Next:
  1. sudo shelf-agent config init, which asks what it has to know; or edit %s
  2. sudo shelf-agent enroll, with the code that the cloud team gave you for this rig
  3. sudo shelf-agent service start
`, defaultConfig)
	return err
}
