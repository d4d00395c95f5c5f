package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"shelfagent/agent/config"
	"shelfagent/agent/frame"
)

func frameCommand() *cobra.Command {
	var camera, out string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "frame FILE...",
		Short: "Say what the agent would make of a file, without taking it in",
		Long: "Frame reads files as the agent does: would they be accepted, what is stripped, when were they taken, how bright\n" +
			"and sharp are they. --camera applies what the configuration says of one camera, its privacy masks above all;\n" +
			"without it, masks are not applied. --out writes each frame as it would be uploaded. Several files count as frames\n" +
			"of one camera in a row. The files stay as they are.\n\n" +
			"Exit codes: 0 all accepted, 1 one is rejected, 2 wrong command line or configuration, or a file cannot be read.",
		Example: "  shelf-agent frame picture.jpg\n" +
			"  sudo shelf-agent frame /srv/cameras/till/*.jpg --camera till --out /tmp/look",
		Args: args(cobra.MinimumNArgs(1)),
	}
	file := configFlag(cmd)
	cmd.Flags().StringVar(&camera, "camera", "", "the `CAMERA` that the files are of")
	cmd.Flags().StringVar(&out, "out", "", "write the frames into the folder `DIR`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document for each file")
	cmd.RunE = func(cmd *cobra.Command, files []string) error {
		c, err := frameConfig(cmd, *file)
		if err != nil {
			return err
		}
		rules, err := c.FrameRules()
		if err != nil {
			return err
		}
		if out != "" {
			if err := os.MkdirAll(out, 0o700); err != nil {
				return usageError{fmt.Errorf("--out: %w", err)}
			}
		}
		e := examiner{camera: camera, rules: rules.Of(camera), location: rules.Location, out: out}
		if _, known := rules.Cameras[camera]; camera != "" && !known {
			_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "note: the configuration says nothing of a camera %q; the rules for all apply\n", camera)
		}
		return examineAll(cmd, &e, files, asJSON)
	}
	return cmd
}

// frameConfig is the configuration, or the defaults where there is none and none was named: a picture can be looked at
// on any machine.
func frameConfig(cmd *cobra.Command, file string) (*config.Config, error) {
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) && !cmd.Flags().Changed("config") {
		c := config.Default()
		_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "note: there is no %s; the defaults apply\n", file)
		return &c, nil
	}
	return loadConfig(file)
}

func examineAll(cmd *cobra.Command, e *examiner, files []string, asJSON bool) error {
	var worst exitError
	for i, file := range files {
		if info, err := os.Lstat(file); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "note: %s is a link; what it leads to is looked at, but the agent follows none\n", plain(file))
		}
		x, err := e.examine(file)
		if err != nil {
			complain(cmd.ErrOrStderr(), err)
			worst = exitUsage
			continue
		}
		if asJSON {
			err = json.NewEncoder(cmd.OutOrStdout()).Encode(x)
		} else {
			err = x.print(cmd.OutOrStdout(), i > 0)
		}
		if err != nil {
			return err
		}
		if x.Verdict == verdictRejected {
			worst = max(worst, exitFailed)
		}
	}
	if worst > 0 {
		return worst
	}
	return nil
}

const (
	verdictAccepted = "accepted"
	verdictRejected = "rejected"
)

// examined is what became of a file, for programs.
type examined struct {
	File    string `json:"file"`
	Camera  string `json:"camera,omitempty"`
	Verdict string `json:"verdict"`
	// Code, Reason and Detail are of a rejected file.
	Code   frame.Code `json:"code,omitempty"`
	Reason string     `json:"reason,omitempty"`
	Detail string     `json:"detail,omitempty"`
	*accepted
	SourceBytes int64 `json:"source_bytes"`
}

// accepted is the frame.
type accepted struct {
	Format      frame.Format     `json:"format"`
	ContentType string           `json:"content_type"`
	Width       int              `json:"width"`
	Height      int              `json:"height"`
	Orientation int              `json:"orientation"`
	Bytes       int64            `json:"bytes"`
	SHA256      string           `json:"sha256"`
	CapturedAt  time.Time        `json:"captured_at"`
	TimeSource  frame.TimeSource `json:"time_source"`
	Stripped    []string         `json:"stripped"`
	Processing  []string         `json:"processing"`
	Quality     int              `json:"quality,omitempty"`
	Brightness  *int             `json:"brightness"` // null: not measured
	Sharpness   *int             `json:"sharpness"`
	Judgement   []frame.Fault    `json:"judgement"`
	Written     string           `json:"written,omitempty"`
}

// examiner does what intake does, but for the queue.
type examiner struct {
	camera   string
	rules    config.CameraRules
	location *time.Location
	out      string
	same     frame.Sameness
}

func (e *examiner) examine(file string) (examined, error) {
	x := examined{File: file, Camera: e.camera}
	info, err := os.Stat(file)
	if err != nil {
		return x, unread(err)
	}
	if info.IsDir() {
		return x, hinted(fmt.Errorf("%s is a folder", plain(file)), "name the files in it, such as FOLDER/*.jpg.")
	}
	if !info.Mode().IsRegular() {
		return x, fmt.Errorf("%s is no ordinary file, and the agent opens none but those", plain(file))
	}
	x.SourceBytes = info.Size()
	var f *frame.Frame
	if limit := e.rules.Options.MaxBytes; info.Size() > limit {
		err = &frame.Rejection{Code: frame.CodeTooLarge, Detail: fmt.Sprintf("%d bytes, at most %d allowed", info.Size(), limit)}
	} else {
		raw, readErr := os.ReadFile(file)
		if readErr != nil {
			return x, unread(readErr)
		}
		f, err = frame.New(raw, frame.Source{ModTime: info.ModTime(), Location: e.location}, e.rules.Options)
	}
	var rejection *frame.Rejection
	if errors.As(err, &rejection) {
		x.Verdict, x.Code, x.Reason, x.Detail = verdictRejected, rejection.Code, rejection.Code.Sentence(), rejection.Detail
		return x, nil
	}
	if err != nil {
		return x, err
	}
	x.Verdict, x.accepted = verdictAccepted, e.accept(f)
	if e.out != "" {
		x.Written, err = writeFrame(e.out, file, f)
	}
	return x, err
}

// unread is why a file could not be read, and what to do.
func unread(err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return hinted(err, "run this as root or as the agent's user: sudo …")
	case errors.Is(err, fs.ErrNotExist):
		return hinted(err, "check the name; a file of the capture folder may have been taken in since.")
	default:
		return err
	}
}

func (e *examiner) accept(f *frame.Frame) *accepted {
	a := &accepted{
		Format: f.Format, ContentType: f.Format.ContentType(), Width: f.Width, Height: f.Height, Orientation: f.Orientation,
		Bytes: int64(len(f.Bytes)), SHA256: fmt.Sprintf("%x", f.SHA256), CapturedAt: f.CapturedAt, TimeSource: f.TimeSource,
		Stripped: append([]string{}, f.Stripped...), Processing: append([]string{}, f.Reworked...), Quality: f.Quality,
	}
	j := frame.Judge(f.Luma, e.rules.Options.Masks, e.rules.Thresholds)
	if j.Measured {
		a.Brightness, a.Sharpness = &j.Brightness, &j.Sharpness
	}
	e.same = e.same.Next(f)
	a.Judgement = append([]frame.Fault{}, e.same.Faults(j, e.rules.Thresholds)...)
	return a
}

// writeFrame never writes over a file: the folder may be the one that the pictures are in.
func writeFrame(dir, file string, f *frame.Frame) (string, error) {
	name := filepath.Base(file)
	path := filepath.Join(dir, strings.TrimSuffix(name, filepath.Ext(name))+"."+f.Format.Ext())
	w, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return "", hinted(fmt.Errorf("%s is there already", path), "name another folder with --out DIR.")
	}
	if err != nil {
		return "", err
	}
	_, err = w.Write(f.Bytes)
	return path, errors.Join(err, w.Close())
}

var timeSources = map[frame.TimeSource]string{
	frame.TimeEXIF:      "by the camera",
	frame.TimeEXIFLocal: "by the camera, as local time in frame.timezone",
	frame.TimeMod:       "by the file's modification time: the camera wrote none that can be believed",
}

func (x examined) print(out io.Writer, apart bool) error {
	s := &sheet{out: out}
	if apart {
		s.line("")
	}
	s.line(plain(x.File) + ": " + x.Verdict)
	if x.accepted == nil {
		s.row("Code", string(x.Code))
		s.row("Reason", x.Reason)
		s.row("Detail", x.Detail)
		return s.err
	}
	s.row("Picture", fmt.Sprintf("%s, %d x %d pixels", x.Format, x.Width, x.Height))
	s.row("Size", fmt.Sprintf("%s; the file has %s", size(x.Bytes), size(x.SourceBytes)))
	s.row("Captured", x.CapturedAt.Format("2006-01-02 15:04:05.000")+" UTC, "+timeSources[x.TimeSource])
	s.row("Stripped", strings.Join(x.Stripped, ", "))
	changed := strings.Join(x.Processing, ", ")
	if x.Quality > 0 {
		changed += fmt.Sprintf(" with quality %d", x.Quality)
	}
	s.row("Changed", changed)
	if x.Brightness != nil {
		s.row("Brightness", fmt.Sprintf("%d of 255", *x.Brightness))
		s.row("Sharpness", strconv.Itoa(*x.Sharpness))
	}
	faults := make([]string, len(x.Judgement))
	for i, f := range x.Judgement {
		faults[i] = string(f)
	}
	s.row("Judgement", strings.Join(faults, ", "))
	s.row("SHA-256", x.SHA256)
	s.row("Written", x.Written)
	return s.err
}
