package main

import (
	_ "embed"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"shelfagent/agent/config/strict"
	"shelfagent/uploader/backend"
	"shelfagent/uploader/backend/authority"
)

// reference is the commented configuration; it also holds every default.
//
//go:embed reference.toml
var reference []byte

// defaultCanaries let a technician try ten times in an hour.
const defaultCanaries = 20

// settings is the configuration file. reference.toml explains the keys.
type settings struct {
	Listen struct {
		Home        string   `toml:"home"`
		Address     string   `toml:"address"`
		Certificate string   `toml:"certificate"`
		Key         string   `toml:"key"`
		ClientCA    string   `toml:"client_ca"`
		Proxies     []string `toml:"proxies"`
	} `toml:"listen"`
	Operations struct {
		Address string `toml:"address"`
	} `toml:"operations"`
	Identity struct {
		TrustDomain string `toml:"trust_domain"`
	} `toml:"identity"`
	S3 struct {
		Bucket    string `toml:"bucket"`
		Region    string `toml:"region"`
		Endpoint  string `toml:"endpoint"`
		PathStyle bool   `toml:"path_style"`
		KMSKeyARN string `toml:"kms_key_arn"`
		Stores    map[string]struct {
			Endpoint string `toml:"endpoint"`
		} `toml:"stores"`
	} `toml:"s3"`
	Tickets struct {
		TTL            strict.Duration `toml:"ttl"`
		KeyTemplate    string          `toml:"key_template"`
		CanaryTemplate string          `toml:"canary_template"`
		Metadata       []string        `toml:"metadata"`
	} `toml:"tickets"`
	Policy struct {
		MaxBytes        strict.Size         `toml:"max_bytes"`
		ContentTypes    []string            `toml:"content_types"`
		MaxCameras      int                 `toml:"max_cameras"`
		FramesPerMinute int                 `toml:"frames_per_minute"`
		CanariesPerHour int                 `toml:"canaries_per_hour"`
		DailyFrames     int64               `toml:"daily_frames"`
		DailyBytes      strict.Size         `toml:"daily_bytes"`
		Cameras         map[string][]string `toml:"cameras"`
	} `toml:"policy"`
	Registry struct {
		Kind   string `toml:"kind"`
		Path   string `toml:"path"`
		Socket string `toml:"socket"`
		Table  string `toml:"table"`
		Region string `toml:"region"`
	} `toml:"registry"`
	Enrolment struct {
		URL           string          `toml:"url"`
		CACertificate string          `toml:"ca_certificate"`
		CAKey         string          `toml:"ca_key"`
		CASecretARN   string          `toml:"ca_secret_arn"`
		Validity      strict.Duration `toml:"validity"`
	} `toml:"enrolment"`
	Lab struct {
		Tokens string `toml:"tokens"`
	} `toml:"lab"`
	Log struct {
		Level  string `toml:"level"`
		Format string `toml:"format"`
	} `toml:"log"`

	dir string // of the file, which relative paths start from
}

// loadSettings reads and checks a file without looking at anything else. Its error is a *strict.Error when
// the content is wrong, and wraps a *strict.ReadError when there is none.
func loadSettings(path string) (*settings, error) {
	raw, err := strict.ReadFile(path)
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
	s.Log.Level, s.Log.Format, s.Listen.Home = "info", "json", homeStandalone
	s.Policy.CanariesPerHour = defaultCanaries
	s.Registry.Path, s.Enrolment.Validity = defaultRegistry, strict.Duration(authority.DefaultValid)
	document, err := strict.Decode(path, raw, s)
	if err != nil {
		return nil, err
	}
	s.check(document)
	if err := document.Err(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *settings) check(document *strict.Document) {
	for _, choice := range []struct {
		key, value string
		of         []string
	}{
		{"listen.home", s.Listen.Home, []string{homeStandalone, homeALB, homeLambda}},
		{"log.level", s.Log.Level, []string{"debug", "info", "warn", "error"}},
		{"log.format", s.Log.Format, []string{"json", "text"}},
	} {
		if !slices.Contains(choice.of, choice.value) {
			document.Problem(choice.key, "%q is not one of %s", choice.value, strings.Join(choice.of, ", "))
		}
	}
	s.checkRegistry(document)
	s.checkEnrolment(document)
	s.checkListen(document)
	s.checkOperations(document)
	if s.Lab.Tokens != "" && s.Listen.Home != homeStandalone {
		document.Problem("lab.tokens", "is not used where listen.home is %q: what is in front of it wants certificates; delete it", s.Listen.Home)
	}
	var option *backend.OptionError
	if err := s.options().Validate(); errors.As(err, &option) {
		document.Problem(option.Option, "%s", option.Reason)
	} else if err != nil {
		document.Problem("", "%v", err)
	}
}

// options leaves what is absent to the backend's own defaults.
func (s *settings) options() backend.Options {
	stores := map[string]backend.StoreS3{}
	for id, store := range s.S3.Stores {
		stores[id] = backend.StoreS3{Endpoint: store.Endpoint}
	}
	return backend.Options{
		TrustDomain: s.Identity.TrustDomain,
		S3: backend.S3{
			Bucket:    s.S3.Bucket,
			Region:    s.S3.Region,
			Endpoint:  s.S3.Endpoint,
			PathStyle: s.S3.PathStyle,
			KMSKeyARN: s.S3.KMSKeyARN,
			Stores:    stores,
		},
		Tickets: backend.Tickets{
			TTL:            time.Duration(s.Tickets.TTL),
			KeyTemplate:    s.Tickets.KeyTemplate,
			CanaryTemplate: s.Tickets.CanaryTemplate,
			Metadata:       s.Tickets.Metadata,
		},
		Policy: backend.Policy{
			MaxBytes:        int64(s.Policy.MaxBytes),
			ContentTypes:    s.Policy.ContentTypes,
			Cameras:         s.Policy.Cameras,
			MaxCameras:      s.Policy.MaxCameras,
			FramesPerMinute: s.Policy.FramesPerMinute,
			CanariesPerHour: s.Policy.CanariesPerHour,
			DailyFrames:     s.Policy.DailyFrames,
			DailyBytes:      int64(s.Policy.DailyBytes),
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
