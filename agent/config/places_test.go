package config

import (
	"strings"
	"testing"

	"shelfagent/agent/config/strict"
)

// TestTheReferenceHasThePlacesOfItsSystem: as it is written it has Linux'; on Windows it has others, and is read alike.
func TestTheReferenceHasThePlacesOfItsSystem(t *testing.T) {
	if got := string(placesOf("linux", "").put(reference)); got != string(reference) {
		t.Error("the reference does not have the places that Default has")
	}
	for programData, state := range map[string]string{"": `C:\ProgramData\shelf-agent\state`, `D:\Data`: `D:\Data\shelf-agent\state`} {
		raw := placesOf("windows", programData).put(reference)
		var c Config
		if _, err := strict.Decode("config.toml", raw, &c); err != nil || c.StateDir != state || !strings.HasPrefix(c.Capture.Dir, `C:\`) {
			t.Errorf("%v: %q, %q", err, c.StateDir, c.Capture.Dir)
		}
	}
}
