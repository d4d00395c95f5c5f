package slowdisk

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// ShopFlush is what a flush takes on a cheap disk; see the package comment.
const ShopFlush = 5 * time.Millisecond

// Bytes is the size of the device.
const Bytes = 1 << 30

// flushEnv asks a process to serve a disk: how long a flush is to take.
const flushEnv = "SLOWDISK_FLUSH"

// Main is called by TestMain, before anything else. In a process that Mount has started it serves and does not return.
func Main() {
	text := os.Getenv(flushEnv)
	if text == "" {
		return
	}
	flush, err := time.ParseDuration(text)
	if err == nil {
		err = serve(flush, os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "slow disk:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Disk is a mounted disk. Its methods are for one goroutine.
type Disk struct {
	Dir string // the root of the file system

	server *exec.Cmd
	ask    io.WriteCloser // a line is a question, its end the end of the disk
	answer *bufio.Reader  // a line for each question
}

// Mount makes an empty disk. The program must call Main. The caller calls Unmount.
func Mount(flush time.Duration) (*Disk, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	d := &Disk{server: exec.Command(self)} //nolint:gosec // this program
	d.server.Env = append(os.Environ(), flushEnv+"="+flush.String())
	var said strings.Builder
	d.server.Stderr = &said
	if d.ask, err = d.server.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := d.server.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := d.server.Start(); err != nil {
		return nil, err
	}
	d.answer = bufio.NewReader(out)
	if d.Dir, err = d.line(); err != nil {
		return nil, fmt.Errorf("its process: %w: %s", cmp.Or(d.Unmount(), err), strings.TrimSpace(said.String()))
	}
	return d, nil
}

func (d *Disk) line() (string, error) {
	line, err := d.answer.ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err
}

// Flushes is how many there have been.
func (d *Disk) Flushes() (int64, error) {
	if _, err := io.WriteString(d.ask, "\n"); err != nil {
		return 0, err
	}
	line, err := d.line()
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(line, 10, 64)
}

// Unmount takes the disk down, with all that is on it. Nothing on it may be in use.
func (d *Disk) Unmount() error {
	return errors.Join(d.ask.Close(), d.server.Wait())
}
