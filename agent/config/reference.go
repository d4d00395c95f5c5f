package config

import (
	_ "embed"

	"shelfagent/agent/config/strict"
)

//go:embed reference.toml
var reference []byte

// Reference is the commented configuration file with every key, and with the places of this system.
var Reference = here().put(reference)

// fill writes values, as TOML, over those that a reference has for their keys.
func fill(reference []byte, values ...[2]string) []byte {
	for _, v := range values {
		changed, ok := strict.SetValue(reference, v[0], v[1])
		if !ok {
			panic("config: the reference does not set " + v[0]) // a test reads it
		}
		reference = changed
	}
	return reference
}
