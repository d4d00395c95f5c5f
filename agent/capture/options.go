package capture

import (
	"cmp"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"
)

// Defaults for the zero values of Options.
const (
	DefaultRescan           = 30 * time.Second
	DefaultSettle           = time.Second
	DefaultGiveUp           = 5 * time.Minute
	DefaultRejectedMaxBytes = 1 << 30
	DefaultRejectedMaxAge   = 30 * 24 * time.Hour
)

// Limits that nobody has needed to change; they bound memory and disk (promise 8).
const (
	maxCandidates = 4096  // files remembered per camera; about 1 MB
	maxCameras    = 1000  // first-level folders followed
	maxUnnamed    = 100   // folders without a camera that State lists
	maxDepth      = 32    // folder levels below Dir
	maxFolders    = 8192  // folders watched for events; the others are scanned only
	maxRejected   = 10000 // files in the rejected folder
)

// Options say where the files are and how patient to be. Only Dir and Rejected are required.
type Options struct {
	// Dir is the capture folder. A symbolic link here is followed; below it none is.
	Dir string
	// Folders names the camera of first-level folders whose own name does not do: folder name, byte for byte as
	// on disk, to camera id.
	Folders map[string]string
	// Rejected is the folder for rejected files. It is created when first needed, may be on another file system,
	// and if it is inside Dir it is not scanned.
	Rejected string
	// Seen is the path of a small file in the agent's state folder that records the marker's id. Without it a
	// missing marker is made anew at each start.
	Seen string

	Rescan time.Duration // between two full scans; 0 means DefaultRescan
	Settle time.Duration // keeping still means complete, where the kernel cannot tell; 0 means DefaultSettle
	GiveUp time.Duration // without change and still incomplete: handed out as such; 0 means DefaultGiveUp

	RejectedMaxBytes int64         // 0 means DefaultRejectedMaxBytes
	RejectedMaxAge   time.Duration // 0 means DefaultRejectedMaxAge

	Logger *slog.Logger // nil discards
}

// withDefaults returns o made whole, or an error that names the option that is wrong.
func (o Options) withDefaults() (Options, error) {
	switch {
	case o.Dir == "":
		return o, fmt.Errorf("capture: Options.Dir is empty")
	case o.Rejected == "":
		return o, fmt.Errorf("capture: Options.Rejected is empty")
	case min(o.Rescan, o.Settle, o.GiveUp, o.RejectedMaxAge) < 0 || o.RejectedMaxBytes < 0:
		return o, fmt.Errorf("capture: negative duration or size in Options")
	}
	for folder, camera := range o.Folders {
		if !ValidCamera(camera) {
			return o, fmt.Errorf("capture: folder %q: %q is not a camera id ([a-z0-9][a-z0-9._-]{0,62})", folder, camera)
		}
	}
	var err error
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return o, fmt.Errorf("capture: %w", err)
	}
	if o.Rejected, err = filepath.Abs(o.Rejected); err != nil {
		return o, fmt.Errorf("capture: %w", err)
	}
	if o.Rejected == o.Dir {
		return o, fmt.Errorf("capture: Options.Rejected and Options.Dir are the same folder, %s", o.Dir)
	}
	o.Rescan = cmp.Or(o.Rescan, DefaultRescan)
	o.Settle = cmp.Or(o.Settle, DefaultSettle)
	o.GiveUp = cmp.Or(o.GiveUp, DefaultGiveUp)
	o.RejectedMaxBytes = cmp.Or(o.RejectedMaxBytes, DefaultRejectedMaxBytes)
	o.RejectedMaxAge = cmp.Or(o.RejectedMaxAge, DefaultRejectedMaxAge)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}
