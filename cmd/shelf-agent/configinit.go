package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"shelfagent/agent/config"
)

// beginning is what the command line of config init says.
type beginning struct {
	file    string
	answers config.Answers
	force   bool
	unmask  bool // replace a file that masks cameras
}

// question is one thing that the reference cannot know.
type question struct {
	flag, key string
	ask       string
	fallback  string // what an empty answer means; "" is none
	set       func(*config.Answers, string)
}

// questions are asked in this order, where no flag has answered them.
func questions() []question {
	reference := config.ReferenceAnswers()
	return []question{
		{"capture-dir", "capture.dir", "Folder that the cameras write to", reference.CaptureDir,
			func(a *config.Answers, s string) { a.CaptureDir = s }},
		{"backend", "backend.url", "Who gives tickets, as in " + reference.Backend, "",
			func(a *config.Answers, s string) { a.Backend = s }},
		{"host", "upload.hosts", "Host name of the bucket, at the VPC endpoint if there is one; several with commas", "",
			func(a *config.Answers, s string) { a.Hosts = parts(s) }},
	}
}

func parts(list string) []string {
	return slices.DeleteFunc(strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }), func(s string) bool { return s == "" })
}

func configInitCommand() *cobra.Command {
	b := beginning{answers: config.ReferenceAnswers()}
	cmd := &cobra.Command{
		Use:   "init [FILE] [--capture-dir DIR] [--backend URL] [--host HOST]... [--private-only] [--force [--drop-masks]]",
		Short: "Write a configuration: the reference, with what this rig needs",
		Long: "Init writes the reference configuration with what is different on every rig: the capture folder, who gives tickets,\n" +
			"and the host names of the bucket. What no flag says is asked for on a terminal; elsewhere it is a mistake. The file\n" +
			"is written whole or not at all. One that is there already is left alone without --force, unless it is the reference\n" +
			"as it was installed; with --force, what it was is kept in FILE.old, or in FILE.old.2 and so on. What is written masks\n" +
			"no camera: a file that does is replaced only with --drop-masks besides. Without FILE it writes\n" + defaultConfig + "." + exitCodesHelp,
		Example: "  sudo shelf-agent config init\n  sudo shelf-agent config init --capture-dir /srv/cameras --backend https://tickets.example.com \\\n" +
			"      --host frames.bucket.vpce-0a1b2c3d-4e5f6a7b.s3.eu-central-1.vpce.amazonaws.com --private-only",
		Args: args(cobra.MaximumNArgs(1)),
	}
	flags := cmd.Flags()
	flags.StringVar(&b.answers.CaptureDir, "capture-dir", b.answers.CaptureDir, "`FOLDER` that the cameras write to")
	flags.StringVar(&b.answers.Backend, "backend", "", "base `URL` of who gives tickets")
	flags.StringSliceVar(&b.answers.Hosts, "host", nil, "`HOST` name of the bucket; may be there several times")
	flags.BoolVar(&b.answers.PrivateOnly, "private-only", false, "S3 is spoken to at private addresses only: the bucket is behind a VPC endpoint")
	flags.BoolVar(&b.force, "force", false, "replace a file that is there; it is kept in FILE.old")
	flags.BoolVar(&b.unmask, "drop-masks", false, "with --force, replace a file that has privacy masks; the new one has none")
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		b.file = fileOf(given)
		return b.run(cmd)
	}
	return cmd
}

func (b *beginning) run(cmd *cobra.Command) error {
	if err := b.mayWrite(); err != nil {
		return err
	}
	t := newTalk(cmd)
	for _, q := range questions() {
		if cmd.Flags().Changed(q.flag) {
			continue
		}
		if !t.human {
			if q.fallback == "" {
				return usageError{hinted(fmt.Errorf("--%s is needed where nobody can be asked", q.flag), "see: "+cmd.CommandPath()+" --help")}
			}
			continue
		}
		if err := b.ask(t, q); err != nil {
			return err
		}
	}
	if t.human && !cmd.Flags().Changed("private-only") {
		answer, err := t.ask("Is the bucket behind a VPC endpoint, so that only private addresses are right? [y/N]: ")
		if err != nil {
			return err
		}
		b.answers.PrivateOnly = strings.HasPrefix(strings.ToLower(answer), "y")
	}
	if err := b.wrong(); err != nil {
		return err
	}
	old, err := b.write()
	if err != nil {
		return err
	}
	return b.sayNext(cmd.OutOrStdout(), old)
}

// mayWrite refuses before anybody has answered anything.
func (b *beginning) mayWrite() error {
	raw, err := os.ReadFile(b.file)
	switch {
	case err == nil && !b.force && string(raw) != string(config.Reference):
		return usageError{hinted(fmt.Errorf("%s %w; nothing was changed", b.file, config.ErrExists),
			"edit it, or replace it with --force; what it was is then kept beside it, in .old.")}
	case err == nil, errors.Is(err, fs.ErrNotExist):
		return errors.Join(b.mayUnmask(raw), b.explain(config.MayWrite(b.file)))
	default:
		return b.explain(err)
	}
}

// mayUnmask refuses to replace a file with privacy masks: the frames of those cameras would leave the shop without them.
func (b *beginning) mayUnmask(raw []byte) error {
	cameras, err := config.Masked(raw)
	switch {
	case b.unmask:
		return nil
	case err != nil:
		return usageError{hinted(fmt.Errorf("%s may have privacy masks, which would be lost: %w; nothing was changed", b.file, err),
			"correct it, or add --drop-masks if it has none.")}
	case len(cameras) > 0:
		return usageError{hinted(fmt.Errorf("%s has privacy masks, which would be lost, for: %s; nothing was changed", b.file, strings.Join(cameras, ", ")),
			"edit the file, or add --drop-masks and put the [camera] tables into the new one before the agent reads it.")}
	}
	return nil
}

// tries is how often a question is asked; then nobody is there who could answer it.
const tries = 5

func (b *beginning) ask(t talk, q question) error {
	prompt := q.ask
	if q.fallback != "" {
		prompt += " [" + q.fallback + "]"
	}
	for range tries {
		answer, err := t.ask(prompt + ": ")
		if err != nil {
			return err
		}
		if answer == "" {
			answer = q.fallback
		}
		alone := config.ReferenceAnswers() // what is wrong then is this answer's
		q.set(&alone, answer)
		wrong := alone.Wrong()
		if len(wrong) == 0 {
			q.set(&b.answers, answer)
			return nil
		}
		t.say("  %s", wrong[0].Message)
	}
	return fmt.Errorf("%s: no answer that can be used; nothing was written", q.key)
}

// wrong says what is wrong with the flags, by their names.
func (b *beginning) wrong() error {
	var all []error
	for _, p := range b.answers.Wrong() {
		name := p.Key
		if i := slices.IndexFunc(questions(), func(q question) bool { return q.key == p.Key }); i >= 0 {
			name = "--" + questions()[i].flag
		}
		all = append(all, fmt.Errorf("%s: %s", name, p.Message))
	}
	if len(all) == 0 {
		return nil
	}
	return usageError{errors.Join(all...)}
}

// write returns where the file that was there is kept, if there was one.
func (b *beginning) write() (old string, err error) {
	if !b.force {
		return "", b.explain(config.Write(b.file, b.answers.File()))
	}
	old, err = config.Replace(b.file, b.answers.File())
	return old, b.explain(err)
}

func (b *beginning) explain(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return hinted(err, "run this as root: sudo shelf-agent config init")
	}
	return err
}

// sayNext tells what a person has to do until frames flow.
func (b *beginning) sayNext(out io.Writer, old string) error {
	written := b.file + ": written"
	if old != "" {
		written += "; what it was is in " + old
	}
	_, err := fmt.Fprintln(out, written)
	if err == nil && runtime.GOOS == "linux" && b.answers.CaptureDir != config.ReferenceAnswers().CaptureDir {
		_, err = fmt.Fprintf(out, "\nThe service may write only where its unit says. For this capture folder: sudo systemctl edit shelf-agent, and there\n%s"+
			"So it is with queue.dir and capture.rejected_dir, if you set them to folders outside the state folder.\n", dropIn(b.answers.CaptureDir))
	}
	if err == nil {
		_, err = fmt.Fprintf(out, "\nNext:\n  1. sudo shelf-agent enroll, with the code that the cloud team gave you for this rig\n  2. sudo shelf-agent service start\n")
	}
	return err
}
