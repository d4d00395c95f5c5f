package agent

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"shelfagent/agent/capture"
	"shelfagent/agent/config"
	"shelfagent/agent/frame"
)

const (
	decodeTries = 3   // deaths of the agent that one picture may have been the cause of
	maxSuspects = 100 // that are remembered; the oldest goes
)

// decodeMark says in a small file which picture is being decoded, so that one that ends the agent, because it takes more
// memory than there is or finds a fault in a decoder, does so three times and not at every start for ever. Only what
// all pixels of are decoded is marked, one picture at a time: a JPEG that stays as it is costs nothing.
//
// The file outlives the process, and need not outlive a power cut, which is no picture's fault: it is not flushed. An
// agent that was ended for another reason, three times in the middle of one picture, blames the wrong one; that is
// then kept with its reason, and `rejected retry` gives it three tries more. Used under intake.heavy.
type decodeMark struct {
	path string
	log  *slog.Logger
	decodeState
}

// decodeState is the content of the file.
type decodeState struct {
	Decoding *source   `json:"decoding,omitempty"`
	Suspects []suspect `json:"suspects,omitempty"` // the longest known first
}

// source is a file of the capture folder as it was when it was read.
type source struct {
	File     string `json:"file"`
	Size     int64  `json:"size"`
	Modified int64  `json:"modified"` // nanoseconds since 1970
}

type suspect struct {
	source
	Deaths int `json:"deaths"`
}

func sourceOf(file *capture.File) source {
	return source{file.Path, file.Size, file.ModTime.UnixNano()}
}

// decodeMarkPath is where the mark of a configuration lies.
func decodeMarkPath(c *config.Config) string { return filepath.Join(c.StateDir, "decoding.json") }

// openDecodeMark reads what the process before has left. A file that cannot be read is one that says nothing.
func openDecodeMark(path string, log *slog.Logger) *decodeMark {
	m := &decodeMark{path: path, log: log}
	if raw, err := os.ReadFile(path); err != nil || json.Unmarshal(raw, &m.decodeState) != nil {
		m.decodeState = decodeState{}
		return m
	}
	if m.Decoding == nil {
		return m
	}
	s := m.suspect(*m.Decoding)
	s.Deaths++
	log.Warn("the agent was ended while it decoded a picture", "file", s.File, "times", s.Deaths, "at_most", decodeTries)
	m.Decoding = nil
	m.write()
	return m
}

// suspect finds or adds one.
func (m *decodeMark) suspect(p source) *suspect {
	if i := m.index(p); i >= 0 {
		return &m.Suspects[i]
	}
	m.Suspects = append(m.Suspects, suspect{source: p})
	m.Suspects = m.Suspects[max(0, len(m.Suspects)-maxSuspects):]
	return &m.Suspects[len(m.Suspects)-1]
}

func (m *decodeMark) index(p source) int {
	return slices.IndexFunc(m.Suspects, func(s suspect) bool { return s.source == p })
}

// begin marks the picture that is about to be decoded. A *frame.Rejection says that it has ended the agent too often.
func (m *decodeMark) begin(file *capture.File) error {
	p := sourceOf(file)
	if i := m.index(p); i >= 0 && m.Suspects[i].Deaths >= decodeTries {
		deaths := m.Suspects[i].Deaths
		m.end(file)
		return &frame.Rejection{Code: frame.CodePoison, Detail: fmt.Sprintf("the agent was ended %d times", deaths)}
	}
	m.Decoding = &p
	m.write()
	return nil
}

// end takes the mark away, and all suspicion.
func (m *decodeMark) end(file *capture.File) {
	if i := m.index(sourceOf(file)); i >= 0 {
		m.Suspects = slices.Delete(m.Suspects, i, i+1)
	}
	m.Decoding = nil
	m.write()
}

// write replaces the file, or removes it when there is nothing to say. A disk that takes no mark takes no frame either,
// and the queue says so.
func (m *decodeMark) write() {
	err := m.replace()
	if err != nil {
		m.log.Debug("the picture that is being decoded cannot be marked", "file", m.path, "error", err)
	}
}

func (m *decodeMark) replace() error {
	if m.Decoding == nil && len(m.Suspects) == 0 {
		return os.Remove(m.path)
	}
	raw, err := json.Marshal(m.decodeState)
	if err != nil {
		return err
	}
	next := m.path + ".new"
	if err := os.WriteFile(next, append(raw, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(next, m.path)
}
