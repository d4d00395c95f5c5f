package support

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"shelfagent/agent/config"
)

// maxText is the most of one text, in bytes.
const maxText = 4 << 20

// Options say where to look.
type Options struct {
	// Config is the configuration file.
	Config string
	// Version is this program's.
	Version string
	// Unit is the system's service, whose journal is read.
	Unit string
	// Now is when the archive is made.
	Now time.Time

	patience time.Duration // with disks; 0: diskTimeout
}

// Part is one text of the archive.
type Part struct {
	Name  string // of the file
	About string // what it is, in a sentence
	Text  []byte
	// Missing is why there is nothing, or not all; "" when all is there.
	Missing string
}

// Bundle is what was gathered, fit to be sent.
type Bundle struct {
	// Name is the archive's, without an ending: rig and time.
	Name  string
	Parts []Part // README.txt first
	Taken map[string]int
}

// Gather collects everything. It does not fail: what cannot be had is a Part that says so.
func Gather(ctx context.Context, o Options) Bundle {
	redactor := NewRedactor()
	return gather(ctx, o, redactor, redactor.Clean)
}

func gather(ctx context.Context, o Options, redactor *Redactor, clean func([]byte) []byte) Bundle {
	most := cmp.Or(o.patience, diskTimeout)
	c, loaded := config.Load(o.Config, os.Environ())
	if loaded != nil {
		fallback := config.Default()
		c = &fallback
	}
	learn(ctx, most, redactor, c)
	rig := lookAtDevice(ctx, most, c)
	running := ask(ctx, c)
	log := journal(ctx, o.Unit)
	parts := []Part{
		running.status(), conditions(running, log), running.queue(ctx, most, c), configuration(o.Config, loaded), rig.part,
		disk(ctx, most, c), network(ctx), machine(o.Version), log,
	}
	for i := range parts {
		if strings.HasSuffix(parts[i].Name, ".json") {
			parts[i].Text = cleanDocument(parts[i].Text, clean)
		} else {
			parts[i].Text = clean(tail(parts[i].Text, maxText))
		}
		parts[i].Missing = string(clean([]byte(parts[i].Missing)))
	}
	b := Bundle{Name: "shelf-agent-support-" + rig.whose() + "-" + o.Now.UTC().Format("20060102T150405Z"), Parts: parts, Taken: redactor.Taken()}
	b.Parts = slices.Insert(b.Parts, 0, Part{Name: "README.txt", About: "This list.", Text: []byte(b.readme(o))})
	return b
}

// tail keeps the end, from the beginning of a line.
func tail(text []byte, most int) []byte {
	if len(text) <= most {
		return text
	}
	text = text[len(text)-most:]
	if i := bytes.IndexByte(text, '\n'); i >= 0 {
		text = text[i+1:]
	}
	return append([]byte("(what came before was left out)\n"), text...)
}

func (b Bundle) readme(o Options) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s\n\nMade by shelf-agent %s at %s, without a network. It is for those who help with this rig.\n\n",
		b.Name, o.Version, o.Now.UTC().Format("2006-01-02 15:04:05 MST"))
	out.WriteString(strings.Join(b.Contents(), "\n") + "\n")
	return out.String()
}

// Contents says what is in the archive and what was taken out, a line each.
func (b Bundle) Contents() []string {
	lines := []string{"What is in it:"}
	for _, p := range b.Parts {
		lines = append(lines, fmt.Sprintf("  %-16s %s", p.Name, p.About))
		if p.Missing != "" {
			lines = append(lines, fmt.Sprintf("  %-16s Not all is there: %s.", "", p.Missing))
		}
	}
	lines = append(lines, "", "What was taken out, and stands there as "+mark+":")
	for _, kind := range slices.Sorted(maps.Keys(b.Taken)) {
		lines = append(lines, fmt.Sprintf("  %s, %d times", kind, b.Taken[kind]))
	}
	if len(b.Taken) == 0 {
		lines = append(lines, "  nothing: none of these texts held what looks like a secret")
	}
	return append(lines, "", "What is never in it: pictures, payloads of the queue, the device key, tokens, codes, passwords, the query and",
		"signature of a URL, comments of the configuration, and values of environment variables.")
}
