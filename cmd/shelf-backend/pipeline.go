package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"shelfagent/agent/frame"
	"shelfagent/uploader/backend/pipeline"
)

const (
	modeEnv   = "SHELF_BACKEND_MODE"              // set by the operator: what the function is
	memoryEnv = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE" // set by Lambda, in MiB
)

// What modeEnv can say.
const (
	modeAPI      = "api"
	modePipeline = "pipeline"
)

// notPrivate is this program's own reason: what a rig sends has been stripped.
const notPrivate pipeline.Reason = "not_private"

// servePipeline does not return once events are answered.
func servePipeline(ctx context.Context, stderr io.Writer) error {
	options, err := pipeline.FromEnvironment(os.Getenv)
	if err != nil {
		return usageError{err}
	}
	respectMemory(os.Getenv(memoryEnv))
	limits := limitsFor(os.Getenv(memoryEnv))
	options.Validate = func(body []byte) (pipeline.Picture, *pipeline.Flaw) { return judge(body, limits) }
	options.Log = slog.New(slog.NewJSONHandler(stderr, nil))
	p, err := pipeline.Open(ctx, options)
	if err != nil {
		return usageError{err}
	}
	options.Log.Info("listening", "mode", modePipeline, "bucket", options.Bucket, "heap_limit", debug.SetMemoryLimit(-1))
	p.Serve(ctx)
	return errors.New("the event loop ended")
}

// limitsFor are what the largest frame of any rig is within: how many pixels a rig takes is its own to say, and here
// memory alone decides.
func limitsFor(mebibytes string) frame.Options {
	return frame.Options{MaxPixels: frame.MostPixels, MaxMemory: decodingMemory(mebibytes)}
}

// decodingMemory is a quarter of the function's: with the object and its copy it has to stay within what respectMemory
// leaves to the heap. 0, where Lambda says nothing, is package frame's own limit.
func decodingMemory(mebibytes string) int64 { return functionMemory(mebibytes) / 4 }

// respectMemory tells the garbage collector what there is: left to itself it lets the heap double, so that the second
// large frame of a batch would end the function, and the batch with it. A quarter is for what is no heap. A GOMEMLIMIT
// in the environment has precedence.
func respectMemory(mebibytes string) {
	if memory := functionMemory(mebibytes); memory > 0 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memory / 4 * 3)
	}
}

// functionMemory is in bytes; 0 where Lambda says nothing.
func functionMemory(mebibytes string) int64 {
	n, err := strconv.ParseInt(mebibytes, 10, 32)
	if err != nil || n < 0 {
		return 0
	}
	return n << 20
}

// judge is the rig's own judgement, made again. What the rig would still strip should not be there.
func judge(body []byte, limits frame.Options) (pipeline.Picture, *pipeline.Flaw) {
	limits.MaxBytes = max(limits.MaxBytes, int64(len(body))) // the pipeline has its own
	f, err := frame.New(body, frame.Source{}, limits)
	var rejection *frame.Rejection
	switch {
	case errors.As(err, &rejection):
		return pipeline.Picture{}, &pipeline.Flaw{Reason: pipeline.Reason(rejection.Code), Detail: rejection.Error()}
	case err != nil: // New has no other errors
		return pipeline.Picture{}, &pipeline.Flaw{Reason: pipeline.Reason(frame.CodeUnsupported), Detail: err.Error()}
	case len(f.Stripped) > 0:
		return pipeline.Picture{}, &pipeline.Flaw{Reason: notPrivate, Detail: "it carries what no rig sends: " + strings.Join(f.Stripped, ", ")}
	}
	return pipeline.Picture{ContentType: f.Format.ContentType(), Width: f.Width, Height: f.Height}, nil
}
