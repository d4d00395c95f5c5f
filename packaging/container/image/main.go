// Command image makes the backend's container image without a container engine: the same as packaging/container's
// Containerfile says, as a tar file in the OCI image layout, which `skopeo copy oci-archive:FILE docker://…` or
// `podman load -i FILE` take.
//
// The same program gives the same bytes: there is no time, owner or order in it that is not fixed, and the authorities
// are those of a module whose version go.mod pins, not those of the machine.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	program := flags.String("program", "", "the static `FILE` for linux that the image is of")
	arch := flags.String("arch", "arm64", "what it was built for: arm64 or amd64")
	version := flags.String("version", "", "its version, for the image's label")
	output := flags.String("o", "", "write the image to `FILE`")
	var added []file
	flags.Func("add", "put `FILE` into /var/task, such as the rigs' ca.pem; again for more", func(path string) error {
		body, err := os.ReadFile(path)
		added = append(added, file{name: taskRoot + "/" + filepath.Base(path), mode: 0o444, body: body})
		return err
	})
	onlyRoots := flags.Bool("roots", false, "print the authorities (PEM) instead, for the Containerfile")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *onlyRoots {
		_, err := out.Write(roots())
		return err
	}
	if *program == "" || *output == "" {
		return errors.New("-program and -o are needed")
	}
	body, err := os.ReadFile(*program)
	if err != nil {
		return err
	}
	if err := static(body, *arch); err != nil {
		return fmt.Errorf("%s: %w", *program, err)
	}
	made, err := assemble(body, *arch, *version, added)
	if err != nil {
		return err
	}
	digest, err := made.Digest()
	if err != nil {
		return err
	}
	if err := save(made, *output); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s  %s\n", digest, *output)
	return err
}
