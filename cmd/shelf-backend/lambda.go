package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"shelfagent/uploader/backend"
)

// What the environment of a function says.
const (
	runtimeAPIEnv = "AWS_LAMBDA_RUNTIME_API" // set by Lambda
	taskRootEnv   = "LAMBDA_TASK_ROOT"       // set by Lambda: where the zip or the image lies
	configEnv     = "SHELF_BACKEND_CONFIG"   // set by the operator: the configuration itself
)

const defaultLambdaConfig = "backend.toml"

func lambdaCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "lambda [--config FILE]",
		Short: "Answer the events of an API Gateway REST API, or look at each new frame, as an AWS Lambda function",
		Long: "Lambda answers the events of an API Gateway REST API with mutual TLS, until Lambda ends it. The client\n" +
			"certificate comes from the event's request context, never from a header. listen.home must be \"lambda\".\n\n" +
			"The configuration is the FILE, or backend.toml in the function's folder (LAMBDA_TASK_ROOT), or the TOML\n" +
			"itself in the environment variable SHELF_BACKEND_CONFIG, which Lambda limits to 4 KB. Paths in it start at\n" +
			"the file's folder, or at the function's. A zip needs no script around this program: named `bootstrap`, and\n" +
			"called without arguments, it runs this command.\n\n" +
			"With SHELF_BACKEND_MODE=pipeline it hands out no tickets, but works through an SQS queue of S3 events: it checks\n" +
			"that each new object is a valid frame, encrypted with the right key, with its SHA-256; records that in DynamoDB\n" +
			"and tells an SNS topic. Its configuration is then SHELF_PIPELINE_BUCKET, SHELF_PIPELINE_KMS_KEY (an ARN),\n" +
			"SHELF_PIPELINE_TABLE, SHELF_PIPELINE_TOPIC (an ARN) and, if it is not 64 MiB, SHELF_PIPELINE_MAX_BYTES." + exitCodesHelp,
		Example: "  shelf-backend lambda --config /var/task/backend.toml",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serveLambda(cmd.Context(), file, cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "configuration `FILE` (TOML)")
	return cmd
}

// serveLambda does not return once events are answered.
func serveLambda(ctx context.Context, file string, stderr io.Writer) (err error) {
	if os.Getenv(runtimeAPIEnv) == "" {
		return usageError{fmt.Errorf("%s is not set: this command runs as an AWS Lambda function only", runtimeAPIEnv)}
	}
	switch mode := os.Getenv(modeEnv); mode {
	case "", modeAPI:
	case modePipeline:
		if file != "" {
			return usageError{fmt.Errorf("--config is not used where %s is %q; leave it out", modeEnv, mode)}
		}
		return servePipeline(ctx, stderr)
	default:
		return usageError{fmt.Errorf("%s is %q; it must be %q, %q or absent", modeEnv, mode, modeAPI, modePipeline)}
	}
	s, err := lambdaSettings(file)
	if err != nil {
		return usageError{err}
	}
	if s.Listen.Home != homeLambda {
		return usageError{fmt.Errorf("listen.home is %q, not %q", s.Listen.Home, homeLambda)}
	}
	log := s.logger(stderr)
	memory, err := s.openMemory(ctx, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, memory.close()) }()
	handler, err := newBackend(ctx, s, memory, log)
	if err != nil {
		return err
	}
	log.Info("listening", "home", s.Listen.Home, "uploads_to", handler.Destination("").String())
	backend.ServeLambda(ctx, handler)
	return errors.New("the event loop ended")
}

// lambdaSettings reads the one configuration that there is; two would leave a doubt which of them counts.
func lambdaSettings(file string) (*settings, error) {
	root := os.Getenv(taskRootEnv)
	text, inEnvironment := os.LookupEnv(configEnv)
	switch {
	case inEnvironment && file != "":
		return nil, fmt.Errorf("--config and %s are both set; leave one out", configEnv)
	case inEnvironment:
		s, err := parseSettings(configEnv, []byte(text))
		if err != nil {
			return nil, err
		}
		s.dir = root
		return s, nil
	case file == "":
		file = filepath.Join(root, defaultLambdaConfig)
	}
	return loadSettings(file)
}
