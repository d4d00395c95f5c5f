package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// target is a system that the agent is made for.
type target struct {
	os, arch string
	arm      string // GOARM
	nfpm     string // the architecture in nfpm's words; it knows those of dpkg and rpm
	pack     func(context.Context, *release, target) error
}

var targets = []target{
	{os: "linux", arch: "amd64", nfpm: "amd64", pack: packages},
	{os: "linux", arch: "arm64", nfpm: "arm64", pack: packages},
	{os: "linux", arch: "arm", arm: "7", nfpm: "arm7", pack: packages},
	{os: "windows", arch: "amd64", pack: zipFile},
	{os: "darwin", arch: "arm64", pack: tarFile},
}

func choose(only string) ([]target, error) {
	if only == "" {
		return targets, nil
	}
	var known []string
	for _, t := range targets {
		if t.os+"/"+t.arch == only {
			return []target{t}, nil
		}
		known = append(known, t.os+"/"+t.arch)
	}
	return nil, fmt.Errorf("--only %s: want one of %s", only, strings.Join(known, ", "))
}

// name is for file names and people: linux_armv7.
func (t target) name() string {
	if t.arm != "" {
		return t.os + "_armv" + t.arm
	}
	return t.os + "_" + t.arch
}

func (t target) program() string {
	if t.os == "windows" {
		return "shelf-agent.exe"
	}
	return "shelf-agent"
}

// mostBytes is how large the program may be.
const mostBytes = 20 << 20

// build compiles the agent as the Makefile does: the same source gives the same bytes.
func (r *release) build(ctx context.Context, t target, to string) (string, error) {
	cmd := r.command(ctx, r.source, "go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w -X main.version="+r.version, "-o", to, "./cmd/shelf-agent")
	// What a builder has set for builds of their own is not for these.
	cmd.Env = append(cmd.Env, "CGO_ENABLED=0", "GOOS="+t.os, "GOARCH="+t.arch, "GOARM="+t.arm, "GOAMD64=v1", "GOFLAGS=-mod=readonly", "GOEXPERIMENT=")
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("go build: %w", err)
	}
	info, err := os.Stat(to)
	if err != nil {
		return "", err
	}
	if info.Size() > mostBytes {
		return "", fmt.Errorf("the program has %d bytes; a rig's disk and line are asked for %d at most", info.Size(), mostBytes)
	}
	return to, r.stamp(to, 0o755)
}

// bill lists the modules in a program.
func (r *release) bill(ctx context.Context, t target, program string) error {
	to := filepath.Join(r.out, fmt.Sprintf("shelf-agent_%s_%s.cdx.json", r.version, t.name()))
	if err := r.command(ctx, r.stage, filepath.Join(r.tools, "cyclonedx-gomod"), "bin", "-json", "-noserial", "-notimestamp", "-std",
		"-version", r.version, "-output", to, program).Run(); err != nil {
		return fmt.Errorf("cyclonedx-gomod: %w", err)
	}
	return r.stamp(to, 0o644)
}

// packages makes the deb and the rpm.
func packages(ctx context.Context, r *release, t target) error {
	for _, kind := range []string{"deb", "rpm"} {
		cmd := r.command(ctx, r.stage, filepath.Join(r.tools, "nfpm"), "package", "--config", "nfpm.yaml", "--packager", kind, "--target", r.out)
		cmd.Env = append(cmd.Env, "VERSION="+r.version, "ARCH="+t.nfpm, "MAINTAINER="+r.maintainer)
		if out, err := cmd.Output(); err != nil {
			return fmt.Errorf("nfpm: %w\n%s", err, out)
		}
	}
	return nil
}

// here is the machine that builds, whose agent writes manual pages and completions.
func here() target { return target{os: runtime.GOOS, arch: runtime.GOARCH, arm: ""} }
