package support

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// maxLines of the journal are taken, the last ones.
const maxLines = 5000

// journal is the last of what the service said.
func journal(ctx context.Context, unit string) Part {
	p := Part{Name: "logs.txt", About: fmt.Sprintf("The last %d lines that the system's journal has of %s.", maxLines, unit)}
	text, err := run(ctx, "journalctl", "--unit="+unit, "--no-pager", "--quiet", "--output=short-iso", fmt.Sprintf("--lines=%d", maxLines))
	p.Text = text
	switch {
	case errors.Is(err, exec.ErrNotFound):
		p.Missing = "this machine has no journalctl; look where the agent's standard error goes"
	case err != nil:
		p.Missing = "the journal could not be read: " + strings.ReplaceAll(err.Error(), "\n", " ")
	case len(text) == 0:
		p.Missing = "the journal has nothing of it, or this user may not read it"
	}
	return p
}
