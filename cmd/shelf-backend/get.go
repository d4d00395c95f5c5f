package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"shelfagent/uploader/backend/bucket"
)

// Exit codes of get, beside those of every command.
const (
	exitAbsent   = 3
	exitDenied   = 4
	exitDamaged  = 5
	exitWrongKey = 6
	exitArchived = 7
)

func getCommand() *cobra.Command {
	var config, output string
	var overwrite bool
	cmd := &cobra.Command{
		Use:   "get KEY --config FILE [-o FILE]",
		Short: "Read one frame from the bucket, and prove it",
		Long: "Get reads one object. It refuses an object that is not encrypted with s3.kms_key_arn, and one whose bytes do\n" +
			"not have the SHA-256 that S3 keeps and the one in its key. With -o the file appears when it is whole and\n" +
			"proven; without it, nothing is written to standard output before that.\n\n" +
			"The AWS credentials need s3:GetObject and kms:Decrypt; with s3:ListBucket as well, an absent object is told\n" +
			"from one that is denied.\n\n" +
			"Exit codes: 0 written, 1 S3 cannot be asked or the file not be written, 2 wrong command line or configuration,\n" +
			"3 absent, 4 denied, 5 damaged, 6 not encrypted with the expected key, 7 archived.",
		Example: "  shelf-backend get raw/4711/2026-11-22/cam-3/011803.123-9f86….jpg --config backend.toml -o frame.jpg",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			b, err := openBucket(cmd, config)
			if err != nil {
				return err
			}
			object, err := fetch(cmd, b, given[0], output, overwrite)
			if err != nil {
				return explainGet(err)
			}
			_, err = fmt.Fprintf(cmd.ErrOrStderr(), "%s: %d bytes, SHA-256 %s, proven\n", object.Key, object.Bytes, object.SHA256)
			return err
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "the backend's configuration `FILE` (TOML)")
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to `FILE` instead of standard output")
	cmd.Flags().BoolVar(&overwrite, "overwrite", false, "replace the file if it exists")
	return cmd
}

// openBucket is the bucket of a backend's configuration.
func openBucket(cmd *cobra.Command, file string) (*bucket.Bucket, error) {
	if file == "" {
		return nil, usageError{errors.New("--config FILE is needed: it says which bucket and which key")}
	}
	s, err := loadSettings(file)
	if err != nil {
		return nil, usageError{err}
	}
	return bucket.Open(cmd.Context(), s.options().S3, nil)
}

func fetch(cmd *cobra.Command, b *bucket.Bucket, key, output string, overwrite bool) (bucket.Object, error) {
	if output != "" {
		return b.Save(cmd.Context(), key, output, overwrite)
	}
	out := cmd.OutOrStdout()
	if onTerminal(out) {
		return bucket.Object{}, usageError{errors.New("a picture is nothing for a terminal; say -o FILE")}
	}
	return b.Print(cmd.Context(), key, out)
}

func onTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// explainGet adds what to do, and the exit code.
func explainGet(err error) error {
	if errors.Is(err, fs.ErrExist) {
		return usageError{fmt.Errorf("%w; --overwrite replaces it", err)}
	}
	var fault *bucket.Error
	if !errors.As(err, &fault) {
		return err
	}
	codes := map[bucket.Fault]int{
		bucket.Absent: exitAbsent, bucket.Denied: exitDenied, bucket.Damaged: exitDamaged, bucket.WrongKey: exitWrongKey,
		bucket.Archived: exitArchived,
	}
	return exitError{fmt.Errorf("%w\nWhat to do: %s", err, fault.Do), codes[fault.Fault]}
}
