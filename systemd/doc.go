// Package systemd holds what the agent's service needs on Linux: the reviewed unit and the user that it runs as,
// for `shelf-agent service install` and for packages. Each hardening line in the unit says its reason.
package systemd

import _ "embed"

// Unit is shelf-agent.service.
//
//go:embed shelf-agent.service
var Unit []byte

// Sysusers declares the unit's user and groups, for systemd-sysusers.
//
//go:embed shelf-agent.sysusers
var Sysusers []byte
