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

// Issuer is the backend at a URL as the one who issues device certificates; ca is a file, or empty.
func (c *Config) Issuer(backend, ca string) (uploader.Issuer, error) {
	base, err := url.Parse(backend)
	if err != nil {
		return uploader.Issuer{}, fmt.Errorf("backend.url: %w", err)
	}
	pool, err := authorities("backend.ca", ca)
	if err != nil {
		return uploader.Issuer{}, err
	}
	return uploader.Issuer{Backend: base, CAs: pool, Development: c.Development.AllowLoopback}, nil
}

// UploaderOptions translates [backend], [upload] and [network], and reads the files that they name.
func (c *Config) UploaderOptions(log *slog.Logger) (uploader.Options, error) {
	options, err := c.LinkOptions(log)
	if err != nil {
		return uploader.Options{}, err
	}
	home := c.Home()
	if options.Identity, err = uploader.LoadIdentity(home.Certificate, home.Key); err != nil {
		return uploader.Options{}, c.noKey(err, CredentialStores())
	}
	return options, nil
}

// LinkOptions is UploaderOptions without the device certificate and key, which may be missing or another user's: it is
// enough to look at the way.
func (c *Config) LinkOptions(log *slog.Logger) (uploader.Options, error) {
	issuer, err := c.Issuer(c.Backend.URL, c.Backend.CA)
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
	location, err := time.LoadLocation(c.Upload.Timezone)
	if err != nil {
		return uploader.Options{}, fmt.Errorf("upload.timezone: %w", err)
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
	spread := time.Duration(c.Upload.StartSpread)
	if c.Development.AllowLoopback { // servers on this machine have no fleet
		spread = 0
	}
	return uploader.Options{
		LabToken: token, Backend: issuer.Backend, BackendCAs: issuer.CAs, S3CAs: s3CAs,
		Destinations: destinations, KMSKeyARN: c.Upload.KMSKeyARN, Guard: guard,
		Concurrency: c.Upload.Concurrency, Rate: int64(c.Upload.Rate), Windows: c.Upload.windows(), Location: location,
		MaxAttempts: c.Upload.MaxAttempts, Stall: time.Duration(c.Upload.Stall), StartSpread: spread, Logger: log,
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
