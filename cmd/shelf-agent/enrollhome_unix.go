//go:build unix

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"shelfagent/agent/config"
	"shelfagent/uploader/device"
)

// serviceUser is whom the unit runs the agent as.
const serviceUser = "shelf-agent"

// agentHome is where key and certificate go. What root puts there is given to the agent's user, who must read it: that
// is the owner of the state folder or, before the first start has made it, the unit's user. Where there is neither,
// the agent runs as whoever enrols it.
func agentHome(c *config.Config) (*device.Home, error) {
	home := c.Home()
	if os.Geteuid() != 0 {
		return &home, nil
	}
	info, err := os.Stat(c.StateDir)
	if err == nil {
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			home.Owner = &device.Owner{UID: int(stat.Uid), GID: int(stat.Gid)}
		}
		return &home, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var unknown user.UnknownUserError
	u, err := user.Lookup(serviceUser)
	switch {
	case errors.As(err, &unknown):
		return &home, nil
	case err != nil:
		return nil, fmt.Errorf("looking up the user %s: %w", serviceUser, err)
	}
	uid, uidErr := strconv.Atoi(u.Uid)
	gid, gidErr := strconv.Atoi(u.Gid)
	if err := errors.Join(uidErr, gidErr); err != nil {
		return nil, fmt.Errorf("the user %s: %w", serviceUser, err)
	}
	home.Owner = &device.Owner{UID: uid, GID: gid}
	return &home, nil
}
