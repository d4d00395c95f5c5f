package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	r := release{}
	only := ""
	flag.StringVar(&r.source, "source", ".", "the module's `DIR`")
	flag.StringVar(&r.dist, "dist", "dist", "`DIR` for the release, made anew")
	flag.StringVar(&r.tools, "tools", ".tools", "`DIR` of nfpm and cyclonedx-gomod")
	flag.StringVar(&r.version, "version", "", "`VERSION`, as in 1.4.0; without it, a snapshot's")
	flag.StringVar(&r.maintainer, "maintainer", "shelf-agent maintainers <maintainers@shelf-agent.invalid>", "who answers for the packages")
	flag.StringVar(&only, "only", "", "one `OS/ARCH`, such as linux/amd64; without it, all")
	flag.Parse()
	if err := r.run(ctx, only); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// release is one run.
type release struct {
	source, dist, tools string
	version, maintainer string
	epoch               time.Time
	stage               string // where files lie as packages will have them
	out                 string // becomes dist
}

func (r *release) run(ctx context.Context, only string) (err error) {
	chosen, err := choose(only)
	if err != nil {
		return err
	}
	if err := r.settle(ctx); err != nil {
		return err
	}
	if r.stage, err = os.MkdirTemp("", "shelf-release-"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(r.stage) }()
	r.out = r.dist + ".new"
	if err := os.RemoveAll(r.out); err != nil {
		return err
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(r.out) }() // after success it is elsewhere
	for _, step := range []func(context.Context) error{r.layTexts, r.layDocs, r.layNotices} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	for _, t := range chosen {
		fmt.Println("making", t.name())
		if err := r.make(ctx, t); err != nil {
			return fmt.Errorf("%s: %w", t.name(), err)
		}
	}
	return r.finish()
}

func (r *release) make(ctx context.Context, t target) error {
	program, err := r.build(ctx, t, filepath.Join(r.stage, t.program()))
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(program) }() // the next system's has the same name
	if err := r.bill(ctx, t, program); err != nil {
		return err
	}
	return t.pack(ctx, r, t)
}

// finish lists what was made, and puts it where it was asked for.
func (r *release) finish() error {
	if err := sums(r.out); err != nil {
		return err
	}
	if err := os.RemoveAll(r.dist); err != nil {
		return err
	}
	return os.Rename(r.out, r.dist)
}

// settle makes paths absolute, and finds out version and time.
func (r *release) settle(ctx context.Context) error {
	for _, dir := range []*string{&r.source, &r.dist, &r.tools} {
		var err error
		if *dir, err = filepath.Abs(*dir); err != nil {
			return err
		}
	}
	seconds := os.Getenv("SOURCE_DATE_EPOCH")
	if seconds == "" {
		var err error
		if seconds, err = r.git(ctx, "log", "-1", "--format=%ct"); err != nil {
			return fmt.Errorf("the time of the last commit: %w; outside git, set SOURCE_DATE_EPOCH", err)
		}
	}
	epoch, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH: want seconds since 1970, not %q", seconds)
	}
	r.epoch = time.Unix(epoch, 0).UTC()
	if r.version == "" {
		r.version = "0.0.0~" + r.epoch.Format("20060102.150405")
	}
	return checkVersion(r.version)
}

// checkVersion wants what dpkg, rpm and file names all take.
func checkVersion(version string) error {
	ok := version != "" && version[0] >= '0' && version[0] <= '9'
	for _, c := range version {
		ok = ok && (c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || strings.ContainsRune(".~+", c))
	}
	if !ok {
		return fmt.Errorf("the version %q: want digits first, then digits, small letters, and . ~ +, as in 1.4.0 or 1.5.0~rc1", version)
	}
	return nil
}

func (r *release) git(ctx context.Context, arguments ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", arguments...) //nolint:gosec // the words are this program's own
	cmd.Dir = r.source
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}

// command is a program whose surroundings are the release's, not the builder's. What it says, the builder reads.
func (r *release) command(ctx context.Context, dir, program string, arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, arguments...) //nolint:gosec // go, the tools that the builder named, and what was built
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C.UTF-8", "SOURCE_DATE_EPOCH="+strconv.FormatInt(r.epoch.Unix(), 10))
	return cmd
}
