package support

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"shelfagent/agent/config"
)

// disk is what room there is where the agent keeps things, and what the disks are.
func disk(ctx context.Context, most time.Duration, c *config.Config) Part {
	p := Part{Name: "disk.txt", About: "Room and kind of the disks of the state folder, the queue, the rejected files and the capture folder."}
	var out strings.Builder
	dirs := []string{c.StateDir, c.QueueDir(), c.RejectedDir(), c.Capture.Dir}
	rooms := inTime(ctx, most, dirs, noAnswer, room)
	for i, what := range []string{"state_dir", "queue", "rejected", "capture.dir"} {
		fmt.Fprintf(&out, "%s %s: %s\n", what, dirs[i], rooms[i])
	}
	if slices.Contains(rooms, noAnswer) {
		p.Missing = "a disk does not answer, as it says"
	}
	if mounts, err := readSome("/proc/self/mounts", 256<<10); err == nil {
		fmt.Fprintf(&out, "\nmounts:\n%s", mounts)
	}
	p.Text = []byte(out.String())
	return p
}
