package desk

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"time"

	"shelfagent/queue"
)

// Manifest is the name of the list that Export writes: one JSON document, an Entry, on each line. It names every file
// of all exports to its folder.
const Manifest = "manifest.jsonl"

// maxEntry bounds a line that is believed to be ours.
const maxEntry = 1 << 20

// Entry is what the manifest says of a file; its path below the folder is the ID.
type Entry struct {
	ID          queue.ID          `json:"id"`
	Camera      string            `json:"camera"`
	CapturedAt  time.Time         `json:"captured_at"`
	SHA256      string            `json:"sha256"`
	Bytes       int64             `json:"bytes"`
	ContentType string            `json:"content_type,omitempty"`
	Source      string            `json:"source,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	ExportedAt  time.Time         `json:"exported_at"`
}

// manifest appends entries, each once. A line that could not be written whole is taken back.
type manifest struct {
	file *os.File
	end  int64 // behind the last whole line
	seed maphash.Seed
	has  map[uint64]struct{} // hashes of the IDs listed: 64 bits are enough, and a million of them are no burden
}

func openManifest(root *os.Root) (*manifest, error) {
	if info, err := root.Lstat(Manifest); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", Manifest)
	}
	file, err := root.OpenFile(Manifest, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	m := &manifest{file: file, seed: maphash.MakeSeed(), has: map[uint64]struct{}{}}
	if err := m.read(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return m, nil
}

// read learns what is listed, and cuts off a line that was not finished.
func (m *manifest) read() error {
	for r := bufio.NewReader(m.file); ; {
		text, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return m.file.Truncate(m.end)
		}
		if err != nil {
			return err
		}
		var e Entry
		if len(text) > maxEntry || json.Unmarshal(text, &e) != nil || e.ID == "" {
			return fmt.Errorf("%s holds something else at byte %d; export to another folder", Manifest, m.end)
		}
		m.end += int64(len(text))
		m.has[m.hash(e.ID)] = struct{}{}
	}
}

func (m *manifest) hash(id queue.ID) uint64 { return maphash.String(m.seed, string(id)) }

// add lists a frame, unless it is listed; when it returns nil, its line is durable.
func (m *manifest) add(f Frame) error {
	if _, listed := m.has[m.hash(f.ID)]; listed {
		return nil
	}
	text, err := json.Marshal(Entry{
		ID: f.ID, Camera: f.Camera, CapturedAt: f.CapturedAt, SHA256: f.SHA256, Bytes: f.Bytes, ContentType: f.ContentType,
		Source: f.Source, Metadata: f.Metadata, ExportedAt: time.Now().UTC().Truncate(time.Second),
	})
	if err != nil {
		return err
	}
	text = append(text, '\n')
	_, err = m.file.WriteAt(text, m.end)
	if err == nil {
		err = m.file.Sync()
	}
	if err != nil {
		return errors.Join(err, m.file.Truncate(m.end))
	}
	m.end += int64(len(text))
	m.has[m.hash(f.ID)] = struct{}{}
	return nil
}

func (m *manifest) close() error { return m.file.Close() }
