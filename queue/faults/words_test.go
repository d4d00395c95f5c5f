//go:build linux && (amd64 || arm64)

package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"shelfagent/queue"
)

// word is a line from a process under test to the oracle. It says "will" before it asks for a promise, and "did" or
// "failed" when it knows the outcome.
type word struct {
	Say      string   `json:"say"`
	Seq      int64    `json:"seq"` // the same for "will" and what follows it
	Op       string   `json:"op"`
	ID       queue.ID `json:"id,omitempty"`
	Attempts int      `json:"attempts,omitempty"` // of a leased item
	State    string   `json:"state,omitempty"`    // that a Put returned

	Err     string `json:"err,omitempty"`
	Full    bool   `json:"full,omitempty"`    // it is a *queue.FullError
	Broken  bool   `json:"broken,omitempty"`  // it is queue.ErrBroken
	Caused  bool   `json:"caused,omitempty"`  // it is the errno of envErrno
	Changed string `json:"changed,omitempty"` // what a failed operation changed all the same
	Lifted  bool   `json:"lifted,omitempty"`  // the fault was over when it began
}

// envErrno tells a process under test which errno it will meet.
const envErrno = "SHELFAGENT_FAULTS_ERRNO"

// mouth says words on the standard output, each in one write: a killed process leaves whole lines, or none.
type mouth struct {
	mu  sync.Mutex
	seq atomic.Int64
}

func (m *mouth) say(w word) {
	line, err := json.Marshal(w)
	if err != nil {
		panic(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := os.Stdout.Write(append(line, '\n')); err != nil {
		os.Exit(71) // nobody listens any more
	}
}

// promised does something with a word before and a word after.
func (m *mouth) promised(op string, id queue.ID, do func() error) error {
	seq := m.seq.Add(1)
	m.say(word{Say: "will", Seq: seq, Op: op, ID: id})
	err := do()
	m.after(word{Seq: seq, Op: op, ID: id}, err)
	return err
}

func (m *mouth) after(w word, err error) {
	w.Say = "did"
	if err != nil {
		var full *queue.FullError
		w.Say, w.Err = "failed", err.Error()
		w.Full, w.Broken = errors.As(err, &full), errors.Is(err, queue.ErrBroken)
		// bbolt passes some of the system's errors on as text only.
		errno := errnoNamed(os.Getenv(envErrno))
		w.Caused = errors.Is(err, errno) || errno != 0 && strings.Contains(w.Err, errno.Error())
	}
	m.say(w)
}

// errnos are those that disks and systems give.
var errnos = []struct {
	name  string
	errno syscall.Errno
}{
	{"ENOSPC", syscall.ENOSPC}, {"EIO", syscall.EIO}, {"EMFILE", syscall.EMFILE}, {"EROFS", syscall.EROFS}, {"ENOMEM", syscall.ENOMEM},
}

func errnoNamed(name string) syscall.Errno {
	for _, e := range errnos {
		if e.name == name {
			return e.errno
		}
	}
	return 0
}

// heard reads what a process said.
func heard(stdout string) (words []word, err error) {
	for line := range strings.Lines(stdout) {
		var w word
		if err := json.Unmarshal([]byte(line), &w); err != nil {
			return words, fmt.Errorf("%w: %q", err, line)
		}
		words = append(words, w)
	}
	return words, nil
}
