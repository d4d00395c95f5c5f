package config

import (
	"os"
	"path/filepath"
	"time"

	"shelfagent/agent/capture"
	"shelfagent/agent/config/strict"
	"shelfagent/agent/frame"
	"shelfagent/uploader"
	"shelfagent/uploader/device"
)

// Config is the file. Field comments are in reference.toml, where those who edit the file find them.
type Config struct {
	Schema      int               `toml:"schema"`
	StateDir    string            `toml:"state_dir"`
	Capture     Capture           `toml:"capture"`
	Frame       Frame             `toml:"frame"`
	Camera      map[string]Camera `toml:"camera"`
	Silence     Silence           `toml:"silence"`
	Queue       Queue             `toml:"queue"`
	Backend     Backend           `toml:"backend"`
	Upload      Upload            `toml:"upload"`
	Network     Network           `toml:"network"`
	Status      Status            `toml:"status"`
	Log         Log               `toml:"log"`
	Development Development       `toml:"development"`

	source      *source // nil for a configuration that was not read
	credentials string  // systemd's folder of credentials, or ""
}

// Capture is where frames come from.
type Capture struct {
	Dir              string            `toml:"dir"`
	Folders          map[string]string `toml:"folders"`
	Rescan           strict.Duration   `toml:"rescan"`
	Settle           strict.Duration   `toml:"settle"`
	GiveUp           strict.Duration   `toml:"give_up"`
	Rejected         string            `toml:"rejected_dir"`
	RejectedMaxBytes strict.Size       `toml:"rejected_max_bytes"`
	RejectedMaxAge   strict.Duration   `toml:"rejected_max_age"`
}

// Frame is what counts as one.
type Frame struct {
	Formats     []string    `toml:"formats"`
	MaxBytes    strict.Size `toml:"max_bytes"`
	MaxPixels   int64       `toml:"max_pixels"`
	MaxMemory   strict.Size `toml:"max_memory"`
	MinWidth    int         `toml:"min_width"`
	MinHeight   int         `toml:"min_height"`
	Timezone    string      `toml:"timezone"`
	LongestEdge int         `toml:"longest_edge"`
	Quality     int         `toml:"quality"`
	Output      string      `toml:"output"`
	Judge       Judge       `toml:"judge"`
}

// Judge is from where on a camera is said to be at fault.
type Judge struct {
	Dark     int `toml:"dark"`
	BlownOut int `toml:"blown_out"`
	Blurred  int `toml:"blurred"`
	Frozen   int `toml:"frozen"`
	After    int `toml:"after"`
}

// Camera is what is different for one camera; what is nil is as for all.
type Camera struct {
	Masks       []Mask        `toml:"masks"`
	LongestEdge *int          `toml:"longest_edge"`
	Quality     *int          `toml:"quality"`
	Output      *string       `toml:"output"`
	Judge       CameraJudge   `toml:"judge"`
	Silence     CameraSilence `toml:"silence"`
}

// CameraJudge is Judge for one camera; what is nil is as for all.
type CameraJudge struct {
	Dark     *int `toml:"dark"`
	BlownOut *int `toml:"blown_out"`
	Blurred  *int `toml:"blurred"`
	Frozen   *int `toml:"frozen"`
	After    *int `toml:"after"`
}

// Mask is a part of a camera's picture that must not leave the shop.
type Mask struct {
	For     string      `toml:"for"`
	Polygon [][]float64 `toml:"polygon"`
}

// Queue is where frames wait.
type Queue struct {
	Dir      string      `toml:"dir"`
	Order    string      `toml:"order"`
	MaxBytes strict.Size `toml:"max_bytes"`
	MinFree  strict.Size `toml:"min_free"`
}

// Backend is who gives tickets.
type Backend struct {
	URL         string `toml:"url"`
	CA          string `toml:"ca"`
	Certificate string `toml:"certificate"`
	Key         string `toml:"key"`
	Renew       bool   `toml:"renew"`
	TokenFile   string `toml:"token_file"`
}

// Upload is where frames may go, and how fast.
type Upload struct {
	Hosts       []string        `toml:"hosts"`
	CA          string          `toml:"ca"`
	KMSKeyARN   string          `toml:"kms_key_arn"`
	Concurrency int             `toml:"concurrency"`
	Rate        strict.Size     `toml:"rate"`
	Timezone    string          `toml:"timezone"`
	Window      []Window        `toml:"window"`
	MaxAttempts int             `toml:"max_attempts"`
	Stall       strict.Duration `toml:"stall"`
	StartSpread strict.Duration `toml:"start_spread"`
}

// Network is which addresses S3 may have.
type Network struct {
	PrivateOnly   bool     `toml:"private_only"`
	PrivateRanges []string `toml:"private_ranges"`
}

// Status is where the agent can be asked.
type Status struct {
	Socket   string `toml:"socket"`
	Listen   string `toml:"listen"`
	Pictures string `toml:"pictures"`
}

// Log is what the agent writes about itself.
type Log struct {
	Level  string `toml:"level"`
	Format string `toml:"format"`
}

// Development holds what a rig in a shop must never have.
type Development struct {
	AllowLoopback bool `toml:"allow_loopback"`
	AllowLabToken bool `toml:"allow_lab_token"`
}

// Default is the configuration before the file is read.
func Default() Config {
	return Config{
		Schema:   SchemaVersion,
		StateDir: here().state,
		Capture: Capture{
			Rescan: strict.Duration(capture.DefaultRescan), Settle: strict.Duration(capture.DefaultSettle),
			GiveUp:           strict.Duration(capture.DefaultGiveUp),
			RejectedMaxBytes: capture.DefaultRejectedMaxBytes, RejectedMaxAge: strict.Duration(capture.DefaultRejectedMaxAge),
		},
		Frame: Frame{
			Formats:  []string{"jpeg", "png", "bmp", "tiff", "webp"},
			MaxBytes: frame.DefaultMaxBytes, MaxPixels: frame.DefaultMaxPixels, MaxMemory: frame.DefaultMaxMemory,
			MinWidth: 16, MinHeight: 16, Timezone: "Local", Output: outputSame,
			Judge: Judge{Dark: 20, BlownOut: 235, Blurred: 20, Frozen: 100, After: 5},
		},
		Silence: Silence{After: strict.Duration(time.Hour), Timezone: "Local"},
		Queue:   Queue{Order: "fresh-first"},
		Backend: Backend{Renew: true},
		Upload: Upload{
			Concurrency: uploader.DefaultConcurrency, MaxAttempts: uploader.DefaultMaxAttempts,
			Timezone: "Local", Stall: strict.Duration(uploader.DefaultStall), StartSpread: strict.Duration(uploader.DefaultStartSpread),
		},
		Network: Network{
			PrivateRanges: []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"},
		},
		Status: Status{Socket: here().socket, Listen: "127.0.0.1:8470", Pictures: picturesLoopback},
		Log:    Log{Level: "info", Format: "auto"},
	}
}

// QueueDir is where the queue lives: queue.dir, or its place in the state folder.
func (c *Config) QueueDir() string {
	if c.Queue.Dir != "" {
		return c.Queue.Dir
	}
	return filepath.Join(c.StateDir, "queue")
}

// Home is where the device certificate and key are: backend.certificate and backend.key, or their places in the state
// folder. A key that systemd shows the service as a credential goes before the latter.
func (c *Config) Home() device.Home {
	home := device.Home{Certificate: c.Backend.Certificate, Key: c.Backend.Key}
	if shown := c.shownKey(); home.Key == "" {
		home.Key = shown
	}
	if home.Certificate == "" {
		home.Certificate = filepath.Join(c.StateDir, "identity", "rig.pem")
	}
	if home.Key == "" {
		home.Key = filepath.Join(c.StateDir, "identity", "rig-key.pem")
	}
	return home
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// RejectedDir is where rejected files go: capture.rejected_dir, or its place in the state folder.
func (c *Config) RejectedDir() string {
	if c.Capture.Rejected != "" {
		return c.Capture.Rejected
	}
	return filepath.Join(c.StateDir, "rejected")
}
