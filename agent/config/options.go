package config

import (
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"shelfagent/agent/capture"
	"shelfagent/queue"
	"shelfagent/uploader"
	"shelfagent/uploader/ticket"
)

// CaptureOptions translates [capture].
func (c *Config) CaptureOptions(log *slog.Logger) capture.Options {
	return capture.Options{
		Dir: c.Capture.Dir, Folders: c.Capture.Folders, Rejected: c.RejectedDir(),
		Seen:   filepath.Join(c.StateDir, "capture-seen"),
		Rescan: time.Duration(c.Capture.Rescan), Settle: time.Duration(c.Capture.Settle), GiveUp: time.Duration(c.Capture.GiveUp),
		RejectedMaxBytes: int64(c.Capture.RejectedMaxBytes), RejectedMaxAge: time.Duration(c.Capture.RejectedMaxAge),
		Logger: log,
	}
}

// QueueOptions translates [queue].
func (c *Config) QueueOptions(log *slog.Logger) queue.Options {
	order := queue.FreshFirst
	if c.Queue.Order == "oldest-first" {
		order = queue.OldestFirst
	}
	return queue.Options{
		Dir: c.QueueDir(), Order: order, MaxBytes: int64(c.Queue.MaxBytes), MinFree: int64(c.Queue.MinFree), Logger: log,
	}
}

// UploaderOptions translates [backend], [upload] and [network], and reads the files that they name.
func (c *Config) UploaderOptions(log *slog.Logger) (uploader.Options, error) {
	base, err := url.Parse(c.Backend.URL)
	if err != nil {
		return uploader.Options{}, fmt.Errorf("backend.url: %w", err)
	}
	identity, err := uploader.LoadIdentity(c.Backend.Certificate, c.Backend.Key)
	if err != nil {
		return uploader.Options{}, err
	}
	backendCAs, err := authorities("backend.ca", c.Backend.CA)
	if err != nil {
		return uploader.Options{}, err
	}
	s3CAs, err := authorities("upload.ca", c.Upload.CA)
	if err != nil {
		return uploader.Options{}, err
	}
	destinations := make([]ticket.Destination, len(c.Upload.Hosts))
	for i, entry := range c.Upload.Hosts {
		if destinations[i], err = parseDestination(entry, c.Development.AllowLoopback); err != nil {
			return uploader.Options{}, fmt.Errorf("upload.hosts: %w", err)
		}
	}
	guard := uploader.Guard{Development: c.Development.AllowLoopback}
	if c.Network.PrivateOnly {
		for _, entry := range c.Network.PrivateRanges {
			network, err := netip.ParsePrefix(entry)
			if err != nil {
				return uploader.Options{}, fmt.Errorf("network.private_ranges: %w", err)
			}
			guard.Only = append(guard.Only, network)
		}
	}
	token, err := c.labToken()
	if err != nil {
		return uploader.Options{}, err
	}
	return uploader.Options{
		Identity: identity, LabToken: token, Backend: base, BackendCAs: backendCAs, S3CAs: s3CAs,
		Destinations: destinations, KMSKeyARN: c.Upload.KMSKeyARN, Guard: guard,
		Concurrency: c.Upload.Concurrency, Rate: int64(c.Upload.Rate), MaxAttempts: c.Upload.MaxAttempts,
		Stall: time.Duration(c.Upload.Stall), Logger: log,
	}, nil
}

// labToken is "" on every rig in a shop.
func (c *Config) labToken() (string, error) {
	if c.Backend.TokenFile == "" || !c.Development.AllowLabToken {
		return "", nil
	}
	return uploader.LoadLabToken(c.Backend.TokenFile)
}

// authorities reads a PEM file of certificates; no file means the system's authorities.
func authorities(key, file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(raw) {
		return nil, fmt.Errorf("%s: %s holds no PEM certificate", key, file)
	}
	return pool, nil
}
