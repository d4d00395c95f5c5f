package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"github.com/kardianos/service"
	"github.com/spf13/cobra"

	"shelfagent/systemd"
)

const serviceName = "shelf-agent"

func serviceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "service install|uninstall|start|stop|restart|status",
		Short: "Install and control the system service",
		Long: "Service installs the agent as a system service that runs this very program with\n" + defaultConfig + ", and\n" +
			"controls it. On Linux that takes systemd; the unit is the one that `shelf-agent service unit` prints. On Windows\n" +
			"the service is started anew after a failure, and writes to the event log; on macOS launchd does the same, with the\n" +
			"log in /var/log/shelf-agent.err.log. All but status and unit are for root or an administrator." + exitCodesHelp,
		Example: "  sudo shelf-agent service install\n  sudo shelf-agent service start\n  shelf-agent service status",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return errors.Join(cmd.Help(), usageError{errors.New("which action?")})
		},
	}
	for action, short := range map[string]string{
		"install": "Install the service, without starting it", "uninstall": "Remove the service; queue and configuration stay",
		"start": "Start the service", "stop": "Stop the service", "restart": "Stop and start the service",
	} {
		cmd.AddCommand(&cobra.Command{
			Use: action, Short: short, Args: args(cobra.NoArgs),
			Long:    short + "." + exitCodesHelp,
			Example: "  sudo shelf-agent service " + action,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return controlService(cmd, action)
			},
		})
	}
	cmd.AddCommand(serviceStatusCommand(), &cobra.Command{
		Use: "unit", Short: "Print the systemd unit", Args: args(cobra.NoArgs),
		Long:    "Unit prints the reviewed systemd unit that `service install` writes." + exitCodesHelp,
		Example: "  shelf-agent service unit",
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(systemd.Unit)
			return err
		},
	})
	return cmd
}

func controlService(cmd *cobra.Command, action string) error {
	if err := systemdOnly(service.Platform()); err != nil {
		return err
	}
	if runtime.GOOS != "windows" && os.Geteuid() != 0 {
		return hinted(fmt.Errorf("only root may %s the service", action), "sudo shelf-agent service "+action)
	}
	definition, err := serviceConfig()
	if err != nil {
		return err
	}
	s, err := service.New(&program{}, definition)
	if err != nil {
		return err
	}
	if err := ready(s, action); err != nil {
		return err
	}
	switch action {
	case "install":
		if err := makeAccount(); err != nil {
			return hinted(err, "make them by hand as `shelf-agent service unit` names them.")
		}
		if err := placeConfig(); err != nil {
			return err
		}
	case "uninstall":
		if err := mayUninstall(runtime.GOOS, ownUnit); err != nil {
			return err
		}
		if err := stopFirst(s); err != nil {
			return hinted(fmt.Errorf("stopping the service: %w", err), logPlace()+" says more.")
		}
	case "start", "restart":
		// A service that cannot run would be started again and again, and the mistake be in the journal only.
		if _, err := loadConfig(defaultConfig); err != nil {
			return err
		}
	}
	if err := service.Control(s, action); err != nil {
		return hinted(err, logPlace()+" and `sudo -u shelf-agent shelf-agent doctor` say more.")
	}
	if _, err := fmt.Fprintf(cmd.OutOrStdout(), "service %s: %s done\n", serviceName, action); err != nil {
		return err
	}
	switch action {
	case "install":
		return sayNext(cmd.OutOrStdout())
	case "uninstall":
		return errors.Join(forgetDeclarations(), sayKept(cmd.OutOrStdout()))
	}
	return nil
}

// ownUnit is where `service install` puts the unit; a package has another place for it.
const ownUnit = "/etc/systemd/system/shelf-agent.service"

// mayUninstall leaves a package's service to the package.
func mayUninstall(system, unit string) error {
	if system != "linux" {
		return nil
	}
	if _, err := os.Stat(unit); errors.Is(err, fs.ErrNotExist) {
		return hinted(errors.New("the service came with a package"), "remove that: sudo apt remove shelf-agent, or sudo dnf remove shelf-agent")
	}
	return nil
}

// stopFirst: a service that is removed while it runs would run on, and nobody could stop it by its name.
func stopFirst(s service.Service) error {
	if state, err := s.Status(); err != nil || state != service.StatusRunning {
		return nil //nolint:nilerr // in a failed state there is nothing to stop
	}
	return s.Stop()
}

// logPlace is where this system keeps what the service says.
func logPlace() string {
	switch runtime.GOOS {
	case "windows":
		return "The event log (Get-EventLog Application -Source shelf-agent)"
	case "darwin":
		return "/var/log/shelf-agent.err.log"
	default:
		return "`journalctl -u shelf-agent`"
	}
}

// ready refuses what cannot succeed, in words that say what can.
func ready(s service.Service, action string) error {
	_, err := s.Status()
	absent := errors.Is(err, service.ErrNotInstalled)
	switch {
	case action == "install" && !absent:
		return hinted(errors.New("the service is installed already"), "to install it anew, first: sudo shelf-agent service uninstall")
	case action != "install" && absent:
		return hinted(errors.New("the service is not installed"), "sudo shelf-agent service install")
	}
	return nil
}

// systemdOnly keeps the service library from what it would do on a Linux without systemd: install a script that
// runs the agent as root, with none of the unit's limits.
func systemdOnly(platform string) error {
	if runtime.GOOS != "linux" || platform == "linux-systemd" {
		return nil
	}
	return hinted(errors.New("this system was not started by systemd, so there is no service to control"),
		"have your own service manager run `shelf-agent run` as a user of its own; `shelf-agent service unit` shows with which limits.")
}

func serviceStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Say whether the service runs", Args: args(cobra.NoArgs),
		Long: "Status says whether the service manager runs the agent; `shelf-agent status` says how the agent is.\n\n" +
			"Exit codes: 0 running, 1 failed, 2 wrong command line, 3 not running or not installed.",
		Example: "  shelf-agent service status",
		RunE: func(cmd *cobra.Command, _ []string) error {
			word, err := serviceState()
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(cmd.OutOrStdout(), "service %s: %s\n", serviceName, word); err != nil {
				return err
			}
			if word != "running" {
				return exitError(exitNotRunning)
			}
			return nil
		},
	}
}

func serviceState() (string, error) {
	if systemdOnly(service.Platform()) != nil {
		return "not installed; this system was not started by systemd", nil
	}
	s, err := service.New(&program{}, &service.Config{Name: serviceName})
	if err != nil {
		return "", err
	}
	state, err := s.Status()
	switch {
	case errors.Is(err, service.ErrNotInstalled):
		return "not installed; install it with: sudo shelf-agent service install", nil
	case err != nil:
		return "", err
	case state == service.StatusRunning:
		return "running", nil
	default:
		return "stopped; start it with: sudo shelf-agent service start", nil
	}
}

// serviceArguments is what the service runs, in the unit too.
func serviceArguments() []string { return []string{"run", "--config", defaultConfig} }

func serviceConfig() (*service.Config, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	unit, err := unitFor(self)
	if err != nil && runtime.GOOS == "linux" {
		return nil, err
	}
	return definition(unit), nil
}

// definition is the service as each system wants it.
func definition(unit string) *service.Config {
	return &service.Config{
		Name: serviceName, DisplayName: "Shelf agent",
		Description: "Takes camera frames from this shop to its bucket.",
		Arguments:   serviceArguments(),
		Option: service.KeyValue{
			"SystemdScript": unit,
			// macOS: from boot on, and again whenever it ends.
			"RunAtLoad": true, "KeepAlive": true,
			// Windows: start again after a failure, as Restart= does on Linux.
			"OnFailure": "restart", "OnFailureDelayDuration": "5s", "OnFailureResetPeriod": 60,
		},
	}
}

// packagedProgram is where the unit expects the program.
const packagedProgram = "/usr/bin/shelf-agent"

// unitFor is the unit with another place of the program in it, in every line that runs it.
func unitFor(program string) (string, error) {
	if folder, _ := hiddenBy(program); folder != "" {
		return "", hinted(fmt.Errorf("the service could not see %s: its unit hides %s", program, folder),
			"sudo install "+program+" "+packagedProgram+"; then run that one")
	}
	if strings.ContainsFunc(program, func(r rune) bool { return strings.ContainsRune(" \t\n\"'\\%$;{}", r) }) {
		return "", hinted(fmt.Errorf("%q has a letter in its path that means something to systemd", program),
			"sudo install it as "+packagedProgram+"; then run that one")
	}
	return strings.ReplaceAll(string(systemd.Unit), "="+packagedProgram+" ", "="+program+" "), nil
}
