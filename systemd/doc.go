// Package systemd holds what the agent's service needs on Linux: the reviewed unit, the user that it runs as, and the
// capture folder, for `shelf-agent service install` and for packages. Each line in the unit says its reason.
//
// It is also how the agent speaks to systemd while it runs: see Notifier.
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

// Tmpfiles makes the capture folder of the reference configuration, for systemd-tmpfiles.
//
//go:embed shelf-agent.tmpfiles
var Tmpfiles []byte
