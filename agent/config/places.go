package config

import (
	"cmp"
	"os"
	"runtime"

	"shelfagent/agent/config/strict"
)

// places are where things are on a system, if the file does not say.
type places struct{ file, state, socket, capture string }

// here are those of this system.
func here() places { return placesOf(runtime.GOOS, os.Getenv("ProgramData")) }

func placesOf(system, programData string) places {
	if system != "windows" {
		return places{"/etc/shelf-agent/config.toml", "/var/lib/shelf-agent", "/run/shelf-agent/agent.sock", "/srv/cameras"}
	}
	base := cmp.Or(programData, `C:\ProgramData`) + `\shelf-agent`
	return places{base + `\config.toml`, base + `\state`, base + `\agent.sock`, `C:\cameras`}
}

// DefaultFile is where the service's configuration is on this system.
func DefaultFile() string { return here().file }

// put writes the places into a reference that has others.
func (p places) put(reference []byte) []byte {
	return fill(reference, [2]string{"state_dir", strict.Quote(p.state)}, [2]string{"status.socket", strict.Quote(p.socket)},
		[2]string{"capture.dir", strict.Quote(p.capture)})
}
