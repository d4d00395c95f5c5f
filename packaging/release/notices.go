package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// module is what `go list` says of one.
type module struct {
	Path, Version, Dir string
	Main               bool
}

// licence are the names under which licences lie in Go modules.
var licence = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)([.-].*)?$`)

// layNotices writes the licences of everything that is in the programs, as these demand, each text once. It fails when
// a module has none, for then nobody may ship it.
func (r *release) layNotices(ctx context.Context) error {
	modules, err := r.linked(ctx)
	if err != nil {
		return err
	}
	root, err := r.command(ctx, r.source, "go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	modules = append(modules, module{Path: "the Go runtime and standard library", Dir: string(bytes.TrimSpace(root))})
	whose := map[string][]string{}
	var texts []string // in the order of their first module
	for _, m := range modules {
		found, err := licences(m)
		if err != nil {
			return err
		}
		for _, text := range found {
			if whose[text] == nil {
				texts = append(texts, text)
			}
			whose[text] = append(whose[text], strings.TrimSpace(m.Path+" "+m.Version))
		}
	}
	out := "shelf-agent holds the following Go modules, each under the licence that stands below its name.\n"
	for _, text := range texts {
		out += "\n" + strings.Repeat("-", 72) + "\n" + strings.Join(whose[text], "\n") + "\n\n" + text + "\n"
	}
	return r.lay("copyright", []byte(out))
}

// linked are the modules in the agent on any of the systems.
func (r *release) linked(ctx context.Context) ([]module, error) {
	found := map[string]module{}
	for _, t := range targets {
		cmd := r.command(ctx, r.source, "go", "list", "-deps", "-json=Module", "./cmd/shelf-agent")
		cmd.Env = append(cmd.Env, "CGO_ENABLED=0", "GOOS="+t.os, "GOARCH="+t.arch)
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
			var p struct{ Module *module }
			if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, err
			}
			if p.Module != nil && !p.Module.Main {
				found[p.Module.Path] = *p.Module
			}
		}
	}
	var modules []module
	for _, m := range found {
		modules = append(modules, m)
	}
	slices.SortFunc(modules, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return modules, nil
}

// licences are the texts in a module's folder.
func licences(m module) ([]string, error) {
	entries, err := os.ReadDir(m.Dir) // sorted by name
	if err != nil {
		return nil, err
	}
	var found []string
	for _, e := range entries {
		if e.IsDir() || !licence.MatchString(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(m.Dir, e.Name()))
		if err != nil {
			return nil, err
		}
		found = append(found, string(bytes.TrimSpace(text)))
	}
	if found == nil {
		return nil, fmt.Errorf("%s has no licence that could be found in %s", m.Path, m.Dir)
	}
	return found, nil
}
