package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"shelfagent/uploader/backend"
)

// reference is the commented configuration; it also holds every default.
//
//go:embed reference.toml
var reference []byte

// settings is the configuration file. reference.toml explains the keys.
type settings struct {
	Listen struct {
		Address     string `toml:"address"`
		Certificate string `toml:"certificate"`
		Key         string `toml:"key"`
		ClientCA    string `toml:"client_ca"`
	} `toml:"listen"`
	Identity struct {
		TrustDomain string `toml:"trust_domain"`
	} `toml:"identity"`
	S3 struct {
		Bucket    string `toml:"bucket"`
		Region    string `toml:"region"`
		Endpoint  string `toml:"endpoint"`
		PathStyle bool   `toml:"path_style"`
		KMSKeyARN string `toml:"kms_key_arn"`
	} `toml:"s3"`
	Tickets struct {
		TTL         string   `toml:"ttl"`
		KeyTemplate string   `toml:"key_template"`
		Metadata    []string `toml:"metadata"`
	} `toml:"tickets"`
	Policy struct {
		MaxBytes        int64               `toml:"max_bytes"`
		ContentTypes    []string            `toml:"content_types"`
		MaxCameras      int                 `toml:"max_cameras"`
		FramesPerMinute int                 `toml:"frames_per_minute"`
		Cameras         map[string][]string `toml:"cameras"`
	} `toml:"policy"`
	Log struct {
		Level  string `toml:"level"`
		Format string `toml:"format"`
	} `toml:"log"`

	dir string        // of the file, which relative paths start from
	ttl time.Duration // Tickets.TTL, parsed by validate; 0 means the backend's default
}

// loadSettings reads and checks a file without looking at anything else. Its errors name file, line and
// column.
func loadSettings(path string) (*settings, error) {
	raw, err := os.ReadFile(path) //nolint:gosec // the operator names it.
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	s, err := parseSettings(path, raw)
	if err != nil {
		return nil, err
	}
	s.dir = filepath.Dir(path)
	return s, nil
}

func parseSettings(path string, raw []byte) (*settings, error) {
	s := &settings{}
	s.Log.Level, s.Log.Format = "info", "json"
	decoder := toml.NewDecoder(bytes.NewReader(raw)).DisallowUnknownFields()
	if err := decoder.Decode(s); err != nil {
		return nil, explain(path, raw, err)
	}
	err := s.validate()
	var option *backend.OptionError
	if errors.As(err, &option) {
		return nil, fmt.Errorf("%s: %w", where(path, raw, option.Option), option)
	}
	return s, err
}

func (s *settings) validate() error {
	for _, needed := range []struct{ key, value string }{
		{"listen.address", s.Listen.Address}, {"listen.certificate", s.Listen.Certificate},
		{"listen.key", s.Listen.Key}, {"listen.client_ca", s.Listen.ClientCA},
	} {
		if needed.value == "" {
			return &backend.OptionError{Option: needed.key, Reason: "is needed"}
		}
	}
	if err := s.parseTTL(); err != nil {
		return err
	}
	if err := oneOf("log.level", s.Log.Level, "debug", "info", "warn", "error"); err != nil {
		return err
	}
	if err := oneOf("log.format", s.Log.Format, "json", "text"); err != nil {
		return err
	}
	return s.options().Validate()
}

func (s *settings) parseTTL() error {
	if s.Tickets.TTL == "" {
		return nil
	}
	var err error
	if s.ttl, err = time.ParseDuration(s.Tickets.TTL); err != nil {
		return &backend.OptionError{
			Option: "tickets.ttl",
			Reason: fmt.Sprintf("%q is not a time span; write it as in \"90s\" or \"10m\"", s.Tickets.TTL),
		}
	}
	return nil
}

func oneOf(key, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return &backend.OptionError{Option: key, Reason: fmt.Sprintf("%q is not one of %s", value, strings.Join(allowed, ", "))}
}

// options leaves what is absent to the backend's own defaults.
func (s *settings) options() backend.Options {
	return backend.Options{
		TrustDomain: s.Identity.TrustDomain,
		S3: backend.S3{
			Bucket:    s.S3.Bucket,
			Region:    s.S3.Region,
			Endpoint:  s.S3.Endpoint,
			PathStyle: s.S3.PathStyle,
			KMSKeyARN: s.S3.KMSKeyARN,
		},
		Tickets: backend.Tickets{
			TTL:         s.ttl,
			KeyTemplate: s.Tickets.KeyTemplate,
			Metadata:    s.Tickets.Metadata,
		},
		Policy: backend.Policy{
			MaxBytes:        s.Policy.MaxBytes,
			ContentTypes:    s.Policy.ContentTypes,
			Cameras:         s.Policy.Cameras,
			MaxCameras:      s.Policy.MaxCameras,
			FramesPerMinute: s.Policy.FramesPerMinute,
		},
	}
}

// path starts at the configuration file's folder: a service's working directory is nobody's choice.
func (s *settings) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(s.dir, p)
}
