package support

import (
	"fmt"
	"strings"

	"shelfagent/agent/config"
)

// disk is what room there is where the agent keeps things, and what the disks are.
func disk(c *config.Config) Part {
	p := Part{Name: "disk.txt", About: "Room and kind of the disks of the state folder, the queue, the rejected files and the capture folder."}
	var out strings.Builder
	for _, at := range []struct{ what, dir string }{
		{"state_dir", c.StateDir}, {"queue", c.QueueDir()}, {"rejected", c.RejectedDir()}, {"capture.dir", c.Capture.Dir},
	} {
		fmt.Fprintf(&out, "%s %s: %s\n", at.what, at.dir, room(at.dir))
	}
	if mounts, err := readSome("/proc/self/mounts", 256<<10); err == nil {
		fmt.Fprintf(&out, "\nmounts:\n%s", mounts)
	}
	p.Text = []byte(out.String())
	return p
}
