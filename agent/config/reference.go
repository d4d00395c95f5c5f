package config

import _ "embed"

// Reference is the commented configuration file with every key.
//
//go:embed reference.toml
var Reference []byte
