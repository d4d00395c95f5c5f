package main

import (
	"os"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestFindScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/find",
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": exitCode, "rig": makeRig, "start": start, "terminate": terminate, "frames": makeFrames, "narrow": narrow,
			"stamp": stamp,
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("TZ", "UTC")
			env.Values[runningKey{}] = &running{}
			return nil
		},
	})
}

// stamp TIME FILE... sets the modification time of files.
func stamp(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: stamp TIME FILE...")
	}
	at, err := time.Parse(time.RFC3339, args[0])
	ts.Check(err)
	for _, file := range args[1:] {
		ts.Check(os.Chtimes(ts.MkAbs(file), at, at))
	}
}
