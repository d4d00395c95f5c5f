package main

import (
	"context"
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
		Short: "Answer rigs over TLS until SIGTERM",
		Long: "Serve answers rigs over TLS with client certificates until SIGTERM or SIGINT, then lets running\n" +
			"requests finish. AWS credentials come from the SDK's default chain (instance or task role,\n" +
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

func serve(ctx context.Context, s *settings, stderr io.Writer) (err error) {
	log := s.logger(stderr)
	memory, err := s.openMemory(ctx, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, memory.close()) }()
	options := s.options()
	options.Log = log
	memory.give(&options)
	handler, err := backend.New(ctx, options)
	if err != nil {
		return err
	}
	tlsConfig, err := backend.LoadTLS(s.path(s.Listen.Certificate), s.path(s.Listen.Key), s.path(s.Listen.ClientCA))
	if err != nil {
		return usageError{err}
	}
	if err := memory.openDoor(tlsConfig); err != nil {
		return usageError{err}
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.Listen.Address)
	if err != nil {
		return fmt.Errorf("listen.address: %w", err)
	}
	if err := memory.listen(); err != nil {
		return errors.Join(err, listener.Close())
	}
	log.Info("listening", "addr", listener.Addr().String(), "uploads_to", handler.Destination().String())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return backend.Serve(ctx, listener, tlsConfig, handler, log) })
	memory.serveOffice(ctx, group, log)
	err = group.Wait()
	log.Info("stopped")
	return err
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
