package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"shelfagent/uploader/backend"
)

func serveCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "serve --config FILE",
		Short: "Answer rigs until SIGTERM",
		Long: "Serve answers rigs over TLS with client certificates, or behind an Application Load Balancer that has\n" +
			"verified them, until SIGTERM or SIGINT, then lets running requests finish. AWS credentials come from the SDK's default chain (instance or task role,\n" +
			"environment, profile), never from the configuration. The log goes to stderr; the line \"listening\"\n" +
			"says the address that was really bound." + exitCodesHelp,
		Example: "  shelf-backend serve --config /etc/shelf-backend/backend.toml",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usageError{errors.New("--config FILE is needed; `shelf-backend config` prints one to start from")}
			}
			settings, err := loadSettings(file)
			if err != nil {
				return usageError{err}
			}
			return serve(cmd.Context(), settings, cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "configuration `FILE` (TOML)")
	return cmd
}

// newBackend makes the handler in its home, with what it remembers.
func newBackend(ctx context.Context, s *settings, remembered memory, log *slog.Logger) (*backend.Backend, error) {
	home, err := s.home()
	if err != nil {
		return nil, usageError{err}
	}
	options := s.options()
	options.Log, options.Home = log, home
	remembered.give(&options)
	if s.Lab.Tokens != "" {
		if options.LabTokens, err = backend.LoadLabTokens(s.path(s.Lab.Tokens), options.TrustDomain); err != nil {
			return nil, usageError{fmt.Errorf("lab.tokens: %w", err)}
		}
	}
	return backend.New(ctx, options)
}

func serve(ctx context.Context, s *settings, stderr io.Writer) (err error) {
	if s.Listen.Home == homeLambda {
		return usageError{errors.New("listen.home is \"lambda\": a function is started with `shelf-backend lambda`")}
	}
	log := s.logger(stderr)
	memory, err := s.openMemory(ctx, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, memory.close()) }()
	handler, err := newBackend(ctx, s, memory, log)
	if err != nil {
		return err
	}
	tlsConfig, err := s.tls(log)
	if err != nil {
		return usageError{err}
	}
	if tlsConfig == nil {
		log.Warn("requests arrive unencrypted: between load balancer and backend, tickets can be read; set listen.certificate and listen.key")
	}
	if s.Listen.Home == homeStandalone {
		memory.openDoor(tlsConfig)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.Listen.Address)
	if err != nil {
		return fmt.Errorf("listen.address: %w", err)
	}
	if err := memory.listen(); err != nil {
		return errors.Join(err, listener.Close())
	}
	group, ctx := errgroup.WithContext(ctx)
	if err := s.serveOperations(ctx, group, handler, log); err != nil {
		return errors.Join(err, listener.Close())
	}
	log.Info("listening", "addr", listener.Addr().String(), "home", s.Listen.Home, "uploads_to", handler.Destination("").String())
	group.Go(func() error { return backend.Serve(ctx, listener, tlsConfig, handler, log) })
	memory.serveOffice(ctx, group, log)
	err = group.Wait()
	log.Info("stopped")
	return err
}

// tls is nil where a load balancer speaks plain HTTP to this program.
func (s *settings) tls(log *slog.Logger) (*tls.Config, error) {
	switch {
	case s.Listen.Home == homeStandalone:
		config, err := backend.LoadTLS(s.path(s.Listen.Certificate), s.path(s.Listen.Key), s.path(s.Listen.ClientCA), log)
		if err == nil && s.Lab.Tokens != "" {
			config.ClientAuth = tls.VerifyClientCertIfGiven // the handler refuses whoever shows neither
		}
		return config, err
	case s.Listen.Certificate == "":
		return nil, nil
	default:
		return backend.LoadServerTLS(s.path(s.Listen.Certificate), s.path(s.Listen.Key), log)
	}
}

// serveOperations shows metrics and health on a listener of their own, if there is to be one.
func (s *settings) serveOperations(ctx context.Context, group *errgroup.Group, handler *backend.Backend, log *slog.Logger) error {
	if s.Operations.Address == "" {
		return nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.Operations.Address)
	if err != nil {
		return fmt.Errorf("operations.address: %w", err)
	}
	log.Info("operations", "addr", listener.Addr().String())
	group.Go(func() error { return backend.Serve(ctx, listener, nil, handler.Operations(), log) })
	return nil
}

func (s *settings) logger(w io.Writer) *slog.Logger {
	// The level was checked by loadSettings.
	var level slog.Level
	must(level.UnmarshalText([]byte(s.Log.Level)))
	options := &slog.HandlerOptions{Level: level}
	if s.Log.Format == "text" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// must is for what can only fail when this program is wrong.
func must(err error) {
	if err != nil {
		panic(errors.Join(errors.New("shelf-backend is built wrongly"), err))
	}
}
