package config

import (
	"fmt"
	"slices"

	"shelfagent/agent/config/strict"
)

// Masked are the cameras that a file has masks for, in order. The file may be wrong in all else: who replaces it has to
// know what would leave the shop from then on. An error means that nobody can say.
func Masked(raw []byte) ([]string, error) {
	var file struct {
		Camera map[string]struct {
			Masks any `toml:"masks"`
		} `toml:"camera"`
	}
	if err := strict.Peek(raw, &file); err != nil {
		return nil, fmt.Errorf("it cannot be read: %w", err)
	}
	var cameras []string
	for id, camera := range file.Camera {
		if camera.Masks != nil {
			cameras = append(cameras, id)
		}
	}
	slices.Sort(cameras)
	return cameras, nil
}
