package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/kardianos/service"
	"github.com/spf13/cobra"

	"shelfagent/systemd"
)

const serviceName = "shelf-agent"

func serviceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "service install|uninstall|start|stop|restart|status",
		Short: "Install and control the system service",
		Long: "Service installs the agent as a system service that runs this very program with /etc/shelf-agent/config.toml,\n" +
			"and controls it. On Linux the unit is the one that `shelf-agent service unit` prints. It needs to be run as\n" +
			"root or administrator." + exitCodesHelp,
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
	s, err := service.New(&program{}, serviceConfig())
	if err != nil {
		return err
	}
	if err := service.Control(s, action); err != nil {
		return fmt.Errorf("%w (is this run as root or administrator?)", err)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "service %s: %s done\n", serviceName, action)
	return err
}

func serviceStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Say whether the service runs", Args: args(cobra.NoArgs),
		Long: "Status says whether the service manager runs the agent; `shelf-agent status` says how the agent is.\n\n" +
			"Exit codes: 0 running, 1 failed, 3 not running or not installed.",
		Example: "  shelf-agent service status",
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := service.New(&program{}, serviceConfig())
			if err != nil {
				return err
			}
			state, err := s.Status()
			word := "stopped"
			switch {
			case errors.Is(err, service.ErrNotInstalled):
				word = "not installed"
			case err != nil:
				return err
			case state == service.StatusRunning:
				word = "running"
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

func serviceConfig() *service.Config {
	return &service.Config{
		Name: serviceName, DisplayName: "Shelf agent",
		Description: "Takes camera frames from this shop to its bucket.",
		Arguments:   []string{"run", "--config", defaultConfig},
		Option: service.KeyValue{
			"SystemdScript": string(systemd.Unit),
			// Windows: start again after a failure, as Restart= does on Linux.
			"OnFailure": "restart", "OnFailureDelayDuration": "5s", "OnFailureResetPeriod": 60,
		},
	}
}

// underServiceManager runs work until ctx ends. systemd and launchd stop a service by SIGTERM, which ends ctx;
// only Windows has to be spoken to.
func underServiceManager(ctx context.Context, work func(context.Context) error) error {
	if runtime.GOOS != "windows" || service.Interactive() {
		return work(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := &program{ctx: ctx, cancel: cancel, work: work, done: make(chan error, 1)}
	s, err := service.New(p, serviceConfig())
	if err != nil {
		return err
	}
	return s.Run()
}

// program is the agent as the service library wants it.
type program struct {
	ctx    context.Context
	cancel context.CancelFunc
	work   func(context.Context) error
	done   chan error
}

// Start must not block.
func (p *program) Start(s service.Service) error {
	go func() {
		err := p.work(p.ctx)
		p.done <- err
		if p.ctx.Err() == nil {
			panic(fmt.Sprintf("shelf-agent ended by itself: %v", err)) // the service manager's recovery begins here
		}
	}()
	return nil
}

// Stop waits for the agent to record every outcome.
func (p *program) Stop(service.Service) error {
	p.cancel()
	return <-p.done
}
