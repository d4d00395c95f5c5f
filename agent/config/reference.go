package config

import _ "embed"

//go:embed reference.toml
var reference []byte

// Reference is the commented configuration file with every key, and with the places of this system.
var Reference = here().put(reference)
