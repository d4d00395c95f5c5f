//go:build !unix

package main

import (
	"shelfagent/agent/config"
	"shelfagent/uploader/device"
)

// agentHome is where key and certificate go. The folder's access list says who may read them.
func agentHome(c *config.Config) (*device.Home, error) {
	home := c.Home()
	return &home, nil
}
