// Package systemd holds the reviewed unit of the agent's service, for `shelf-agent service install` and for
// packages. Each hardening line in the unit says its reason.
package systemd

import _ "embed"

// Unit is shelf-agent.service.
//
//go:embed shelf-agent.service
var Unit []byte
