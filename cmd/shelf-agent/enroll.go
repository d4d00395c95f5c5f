package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"shelfagent/agent/config"
	"shelfagent/uploader"
	"shelfagent/uploader/device"
	"shelfagent/uploader/ticket"
)

// enrolment is what the command line says.
type enrolment struct {
	file, backend, ca, code string
	yes                     bool
	stores                  []string // where systemd keeps sealed keys
}

func enrollCommand() *cobra.Command {
	e := enrolment{stores: config.CredentialStores()}
	cmd := &cobra.Command{
		Use:   "enroll [--backend URL] [--code CODE] [--ca FILE] [--config FILE] [--yes]",
		Short: "Make this machine a rig: get its device key and certificate",
		Long: "Enroll makes a device key on this machine and gets a certificate for it from the backend. Whom the certificate\n" +
			"is for, the backend knows from the one-time code, which the cloud team makes with `shelf-backend rig invite`. The\n" +
			"code is good once and for a short time; small letters, spaces and dashes do not matter. Without --code it is asked\n" +
			"for on a terminal. Before the code is sent, enroll sees that the files can be written, that the backend answers,\n" +
			"and that the clocks agree.\n\n" +
			"Key and certificate go where the configuration says, and belong to the agent's user; run this as root, or as\n" +
			"that user. A pair that works is replaced only with --yes, or when a person on a terminal agrees; it is kept\n" +
			"aside, with names in .old. The agent takes the new pair without a restart, and renews the certificate by itself.\n" +
			"Where the key is sealed to this machine (see `shelf-agent service unit`) enroll refuses: the service would go on\n" +
			"with the sealed one." + exitCodesHelp,
		Example: "  sudo shelf-agent enroll --backend https://tickets.example.com --code 7KQ2-M0X9-DB3H-4TZE\n" +
			"  sudo shelf-agent enroll",
		Args: args(cobra.NoArgs),
	}
	cmd.Flags().StringVar(&e.file, "config", defaultConfig, "configuration `FILE`")
	cmd.Flags().StringVar(&e.backend, "backend", "", "base `URL` of the backend; by default backend.url of the configuration")
	cmd.Flags().StringVar(&e.ca, "ca", "", "`FILE` with who may sign the backend's certificate; by default backend.ca")
	cmd.Flags().StringVar(&e.code, "code", "", "the one-time `CODE` for this rig")
	cmd.Flags().BoolVar(&e.yes, "yes", false, "replace a key and certificate that work, without asking")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return e.run(cmd) }
	return cmd
}

func (e *enrolment) run(cmd *cobra.Command) error {
	c, err := loadConfig(e.file)
	if err != nil {
		return err
	}
	issuer, err := e.issuer(c)
	if err != nil {
		return usageError{err}
	}
	if err := notSealed(c.Sealed(e.stores)); err != nil {
		return err
	}
	home, err := agentHome(c)
	if err != nil {
		return err
	}
	t := newTalk(cmd)
	before, err := e.mayReplace(t, home)
	if err != nil {
		return err
	}
	code, err := e.readCode(t)
	if err != nil {
		return err
	}
	address := hostPort(issuer.Backend)
	t.say("enrolling at %s …", address)
	issued, err := uploader.Enroll(cmd.Context(), issuer, home, code)
	if err != nil {
		return e.explain(cmd.Context(), address, err)
	}
	e.compare(t, c)
	return tellEnrolled(cmd.OutOrStdout(), home, before, issued)
}

// issuer is whom the command line names or, where it does not, the configuration.
func (e *enrolment) issuer(c *config.Config) (uploader.Issuer, error) {
	backend, ca := c.Backend.URL, c.Backend.CA
	if e.backend != "" {
		backend = e.backend
	}
	if e.ca != "" {
		ca = e.ca
	}
	u, err := url.Parse(backend)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return uploader.Issuer{}, fmt.Errorf("--backend: %q is not a plain https URL; write it as in https://tickets.example.com", backend)
	}
	issuer, err := c.Issuer(backend, ca)
	if err != nil && e.ca != "" {
		err = fmt.Errorf("--ca: %w", err)
	}
	return issuer, err
}

// talk is with the person at the terminal, if there is one. What is said here is no result of the command.
type talk struct {
	in    *bufio.Reader
	out   io.Writer
	human bool
}

func newTalk(cmd *cobra.Command) talk {
	return talk{bufio.NewReader(cmd.InOrStdin()), cmd.ErrOrStderr(), term.IsTerminal(int(os.Stdin.Fd()))}
}

func (t talk) say(format string, args ...any) { _, _ = fmt.Fprintf(t.out, format+"\n", args...) }

func (t talk) ask(question string) (string, error) {
	_, _ = fmt.Fprint(t.out, question)
	answer, err := t.in.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimSpace(answer), nil
}

// notSealed refuses where the service would go on using a sealed key, and no certificate for another would fit it.
func notSealed(err error) error {
	var sealed *config.SealedError
	if !errors.As(err, &sealed) {
		return err
	}
	if sealed.Maybe {
		return hinted(fmt.Errorf("%w; nothing was changed", err), "run this as root, who can look: sudo shelf-agent enroll …")
	}
	return hinted(fmt.Errorf("%w, and would go on with it; nothing was changed", err), "to enrol this machine anew, first put the sealed key aside: "+
		"sudo mv "+sealed.File+" "+sealed.File+".old. Enrol, then sudo systemctl restart shelf-agent; `shelf-agent service unit` says how the new key is sealed.")
}

// mayReplace returns the rig that this machine is so far, and refuses to replace a pair that works unasked.
func (e *enrolment) mayReplace(t talk, home *device.Home) (*ticket.Identity, error) {
	pair, err := home.Pair()
	if err != nil {
		return nil, nil //nolint:nilerr // nothing that works is lost
	}
	name, err := ticket.ParseIdentity(pair.Leaf)
	if err != nil {
		return nil, nil //nolint:nilerr // as above
	}
	if e.yes || time.Now().After(pair.Leaf.NotAfter) {
		return &name, nil
	}
	is := fmt.Sprintf("this machine is store %s, rig %s already, with a certificate until %s", name.Store, name.Rig, minute(pair.Leaf.NotAfter))
	if !t.human {
		return nil, usageError{hinted(errors.New(is), "to enrol it anew, add --yes; the old key and certificate are kept aside.")}
	}
	answer, err := t.ask(is + ".\nThe old key and certificate are kept aside. Enrol it anew? Type \"yes\": ")
	if err != nil {
		return nil, err
	}
	if answer != "yes" {
		return nil, errors.New("nothing was changed")
	}
	return &name, nil
}

func (e *enrolment) readCode(t talk) (string, error) {
	typed := e.code
	if typed == "" {
		if !t.human {
			return "", usageError{hinted(errors.New("which code?"), "give the one that the cloud team made for this rig: --code CODE")}
		}
		var err error
		if typed, err = t.ask("Code: "); err != nil {
			return "", err
		}
	}
	code, err := uploader.ReadCode(typed)
	if err != nil {
		return "", usageError{hinted(err, "write it as the cloud team gave it to you, as in 7KQ2-M0X9-DB3H-4TZE.")}
	}
	return code, nil
}

// compare tells where the command line and the configuration, which the agent will use, differ.
func (e *enrolment) compare(t talk, c *config.Config) {
	if e.backend != "" && strings.TrimRight(e.backend, "/") != strings.TrimRight(c.Backend.URL, "/") {
		t.say("note: the agent asks another backend, %s; if that is wrong, set backend.url in %s", c.Backend.URL, e.file)
	}
	if e.ca != "" && e.ca != c.Backend.CA {
		t.say("note: --ca was for this command; for the agent, set backend.ca in %s", e.file)
	}
}

func tellEnrolled(out io.Writer, home *device.Home, before *ticket.Identity, issued *ticket.Issued) error {
	next := "an agent that runs takes it by itself; to start one: sudo shelf-agent service start"
	if before != nil && before.Store != issued.Name.Store {
		next = fmt.Sprintf("this machine was in store %s before, so the agent has to start anew: sudo shelf-agent service restart", before.Store)
	}
	_, err := fmt.Fprintf(out, "this machine is now store %s, rig %s\ncertificate  %s, until %s\nkey          %s\n\nNext: %s\n",
		issued.Name.Store, issued.Name.Rig, home.Certificate, minute(issued.Leaf.NotAfter), home.Key, next)
	return err
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

func hostPort(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	return net.JoinHostPort(u.Hostname(), "443")
}

// explain says what went wrong and what to do, and what became of the code.
func (e *enrolment) explain(ctx context.Context, address string, err error) error {
	if ctx.Err() != nil {
		hint := codeIsGood
		var issue *uploader.IssueError
		if errors.As(err, &issue) && issue.Sent {
			hint = codeMayBeSpent
		}
		return hinted(fmt.Errorf("enrolling at %s: interrupted", address), hint)
	}
	return hinted(fmt.Errorf("enrolling at %s: %w", address, err), enrollHint(address, err))
}
