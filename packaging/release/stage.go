package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// texts are files that go into packages as they are, from where they lie in the module.
var texts = map[string]string{
	"nfpm.yaml":            "packaging/nfpm.yaml",
	"shelf-agent.service":  "systemd/shelf-agent.service",
	"shelf-agent.sysusers": "systemd/shelf-agent.sysusers",
	"shelf-agent.tmpfiles": "systemd/shelf-agent.tmpfiles",
	"config.toml":          "agent/config/reference.toml",
	"README.md":            "README.md",
	"lintian-overrides":    "packaging/deb/lintian-overrides",
	"deb/postinst":         "packaging/deb/postinst",
	"deb/prerm":            "packaging/deb/prerm",
	"deb/postrm":           "packaging/deb/postrm",
	"deb/templates":        "packaging/deb/templates",
	"rpm/post":             "packaging/rpm/post",
	"rpm/preun":            "packaging/rpm/preun",
	"rpm/postun":           "packaging/rpm/postun",
}

func (r *release) layTexts(context.Context) error {
	for name, from := range texts {
		raw, err := os.ReadFile(filepath.Join(r.source, from))
		if err != nil {
			return err
		}
		if err := r.lay(name, raw); err != nil {
			return err
		}
	}
	readme, err := os.ReadFile(filepath.Join(r.stage, "README.md"))
	if err != nil {
		return err
	}
	if err := r.layGzip("README.md.gz", readme); err != nil {
		return err
	}
	// Debian's tools want one; what changed is told by whoever publishes a release.
	return r.layGzip("changelog.gz", fmt.Appendf(nil, "shelf-agent (%s) stable; urgency=medium\n\n  * Release %s.\n\n -- %s  %s\n",
		r.version, r.version, r.maintainer, r.epoch.Format("Mon, 02 Jan 2006 15:04:05 -0700")))
}

// layDocs lets the agent itself write its manual pages and completions.
func (r *release) layDocs(ctx context.Context) error {
	agent, err := r.build(ctx, here(), filepath.Join(r.stage, "here", here().program()))
	if err != nil {
		return err
	}
	raw := filepath.Join(r.stage, "here", "man")
	if out, err := r.command(ctx, r.stage, agent, "man", raw).Output(); err != nil {
		return fmt.Errorf("manual pages: %w\n%s", err, out)
	}
	pages, err := filepath.Glob(filepath.Join(raw, "*.1"))
	if err != nil {
		return err
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			return err
		}
		if err := r.layGzip("man/"+filepath.Base(page)+".gz", text); err != nil {
			return err
		}
	}
	for _, shell := range []string{"bash", "fish", "zsh"} {
		out, err := r.command(ctx, r.stage, agent, "completion", shell).Output()
		if err != nil {
			return fmt.Errorf("completions for %s: %w", shell, err)
		}
		if err := r.lay("completions/"+shell, out); err != nil {
			return err
		}
	}
	return nil
}

// lay writes a file of the stage.
func (r *release) lay(name string, content []byte) error {
	path := filepath.Join(r.stage, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		return err
	}
	var mode fs.FileMode = 0o644
	if strings.HasPrefix(name, "deb/p") || strings.HasPrefix(name, "rpm/") {
		mode = 0o755
	}
	return r.stamp(path, mode)
}

// layGzip writes a file compressed, with nothing in it but the content (gzip -9n).
func (r *release) layGzip(name string, content []byte) error {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(content); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return r.lay(name, out.Bytes())
}

// stamp gives a file its mode, whatever the umask, and the release's time.
func (r *release) stamp(path string, mode fs.FileMode) error {
	if err := os.Chmod(path, mode); err != nil {
		return err
	}
	return os.Chtimes(path, r.epoch, r.epoch)
}
