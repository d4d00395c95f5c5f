package config

import (
	"errors"
	"strconv"
	"strings"

	"shelfagent/agent/config/strict"
)

// Answers are what the reference cannot know of a rig.
type Answers struct {
	CaptureDir  string
	Backend     string
	Hosts       []string // of the bucket
	PrivateOnly bool
}

// ReferenceAnswers are those that stand in the reference: the folder is right on most rigs, the others are examples.
func ReferenceAnswers() Answers {
	c, err := Parse("reference.toml", Reference)
	if err != nil {
		panic(err) // a test reads it
	}
	return Answers{c.Capture.Dir, c.Backend.URL, c.Upload.Hosts, c.Network.PrivateOnly}
}

// File is the reference with the answers in it. They are not checked.
func (a Answers) File() []byte {
	hosts := make([]string, len(a.Hosts))
	for i, host := range a.Hosts {
		hosts[i] = strict.Quote(host)
	}
	return fill(Reference,
		[2]string{"capture.dir", strict.Quote(a.CaptureDir)}, [2]string{"backend.url", strict.Quote(a.Backend)},
		[2]string{"upload.hosts", "[" + strings.Join(hosts, ", ") + "]"}, [2]string{"network.private_only", strconv.FormatBool(a.PrivateOnly)})
}

// Wrong says what is wrong with the answers, each in a sentence about one key; nil when nothing is.
func (a Answers) Wrong() []strict.Problem {
	_, err := Parse("answers", a.File())
	var mistakes *strict.Error
	if errors.As(err, &mistakes) {
		return mistakes.Problems
	}
	return nil
}
