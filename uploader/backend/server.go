package backend

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Bounds of a connection. A full request is 256 KiB, which a slow uplink sends in about half a minute.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 60 * time.Second
	writeTimeout      = 90 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10
	shutdownTimeout   = 15 * time.Second
)

// LoadTLS reads what a listener needs: its own certificate and key, and the authority that signs the rigs'
// certificates, all PEM files. Clients without a certificate of that authority get no connection.
func LoadTLS(certFile, keyFile, clientCAFile string, log *slog.Logger) (*tls.Config, error) {
	config, err := LoadServerTLS(certFile, keyFile, log)
	if err != nil {
		return nil, err
	}
	if config.ClientCAs, err = LoadAuthority(clientCAFile); err != nil {
		return nil, fmt.Errorf("listen.client_ca: %w", err)
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	return config, nil
}

// LoadServerTLS reads the certificate and key of a listener that asks its clients for nothing: the one behind a
// load balancer.
func LoadServerTLS(certFile, keyFile string, log *slog.Logger) (*tls.Config, error) {
	pair, err := loadServerPair(certFile, keyFile, log)
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.certificate}, nil
}

// Serve answers on l, which it closes, until ctx ends; then it lets running requests finish for up to 15
// seconds. With tls.VerifyClientCertIfGiven, which enrolment needs, everything but enrolment still wants a verified
// certificate. Without a config it speaks plain HTTP, for a listener that only a load balancer or this machine can
// reach. It returns nil after such a stop.
func Serve(ctx context.Context, l net.Listener, config *tls.Config, handler http.Handler, log *slog.Logger) error {
	if config != nil && config.ClientAuth == tls.VerifyClientCertIfGiven {
		handler = doorman(handler, log)
	}
	server := &http.Server{
		Handler:           handler,
		TLSConfig:         config,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		// Failed handshakes: anyone who reaches the port can cause them, so they are not warnings.
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelInfo),
	}
	stopped := make(chan error, 1)
	go func() {
		if config == nil {
			stopped <- server.Serve(l)
		} else {
			stopped <- server.ServeTLS(l, "", "")
		}
	}()
	select {
	case err := <-stopped:
		return err
	case <-ctx.Done():
	}
	// ctx is over; the running requests get a time of their own.
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	err := server.Shutdown(grace)
	if err != nil {
		err = errors.Join(fmt.Errorf("requests were cut off after %s: %w", shutdownTimeout, err), server.Close())
	}
	if served := <-stopped; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
