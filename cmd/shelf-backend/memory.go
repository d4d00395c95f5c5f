package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"regexp"
	"time"

	"golang.org/x/sync/errgroup"

	"shelfagent/agent/config/strict"
	"shelfagent/uploader/backend"
	"shelfagent/uploader/backend/authority"
	"shelfagent/uploader/backend/registry"
)

// Kinds of registry.
const (
	registryNone   = ""
	registryFile   = "file"
	registryDynamo = "dynamodb"
)

// defaultRegistry is where a registry in a file is.
const defaultRegistry = "/var/lib/shelf-backend/registry.db"

var tablePattern = regexp.MustCompile(`^[A-Za-z0-9_.-]{3,255}$`)

func (s *settings) checkRegistry(document *strict.Document) {
	switch s.Registry.Kind {
	case registryNone:
		if s.Policy.DailyFrames > 0 {
			document.Problem("policy.daily_frames", "needs a [registry] to count in")
		}
	case registryFile:
		if s.Registry.Path == "" {
			document.Problem("registry.path", "is needed for a registry in a file")
		}
	case registryDynamo:
		if !tablePattern.MatchString(s.Registry.Table) {
			document.Problem("registry.table", "%q is not the name of a DynamoDB table", s.Registry.Table)
		}
	default:
		document.Problem("registry.kind", "%q is not one of file, dynamodb", s.Registry.Kind)
	}
}

// enrols reports whether the configuration speaks of enrolment at all.
func (s *settings) enrols() bool {
	e := s.Enrolment
	return e.CACertificate != "" || e.CAKey != "" || e.CASecretARN != "" || e.URL != ""
}

func (s *settings) checkEnrolment(document *strict.Document) {
	if !s.enrols() {
		return
	}
	e := s.Enrolment
	if s.Registry.Kind == registryNone {
		document.Problem("registry.kind", "is needed for enrolment: invitations and revocations are remembered there")
	}
	if e.CACertificate == "" {
		document.Problem("enrolment.ca_certificate", "is needed for enrolment")
	}
	if (e.CAKey == "") == (e.CASecretARN == "") {
		document.Problem("enrolment.ca_key", "set either ca_key, a file, or ca_secret_arn, a secret in AWS Secrets Manager")
	}
	if e.CASecretARN != "" && !authority.ValidSecretARN(e.CASecretARN) {
		document.Problem("enrolment.ca_secret_arn", "%q is not the full ARN of a secret, arn:aws:secretsmanager:<region>:<account>:secret:<name>", e.CASecretARN)
	}
	if v := time.Duration(e.Validity); v < authority.MinValid || v > authority.MaxValid {
		document.Problem("enrolment.validity", "%s is not between %s and %s", v, authority.MinValid, authority.MaxValid)
	}
	if u, err := url.Parse(e.URL); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		document.Problem("enrolment.url", "%q is not the https:// URL by which rigs reach this backend", e.URL)
	}
}

// memory is what a backend remembers by, and who signs for it.
type memory struct {
	registry *registry.Registry   // nil without [registry]
	signer   *authority.Authority // nil without [enrolment]
	socket   string               // where the office is to be; "" for nowhere
	office   net.Listener         // owned by serveOffice; nil before listen, and without a socket
}

// openMemory opens what the configuration names. A new registry is said aloud: if there was one, its revocations are
// lost.
func (s *settings) openMemory(ctx context.Context, log *slog.Logger) (m memory, err error) {
	if s.Registry.Kind == registryNone {
		log.Warn("there is no [registry]: nobody can be enrolled or revoked, and a certificate is good until it ends")
		return memory{}, nil
	}
	if s.enrols() {
		if m.signer, err = s.openAuthority(ctx); err != nil {
			return memory{}, fmt.Errorf("[enrolment]: %w", err)
		}
		if err := s.believesOwn(m.signer); err != nil {
			return memory{}, err
		}
	}
	if s.Registry.Kind == registryFile {
		made, err := registry.MakeFile(s.path(s.Registry.Path))
		if err != nil {
			return memory{}, err
		}
		if made {
			log.Warn("a new registry was made: nobody is revoked; if there was one before, restore it", "path", s.path(s.Registry.Path))
		}
		m.socket = s.socket()
	}
	table, err := s.openTable(ctx)
	if err != nil {
		return memory{}, err
	}
	m.registry = registry.New(table, log)
	return m, nil
}

// believesOwn wants the certificates that this backend signs to be ones that it believes, in whatever home.
func (s *settings) believesOwn(signer *authority.Authority) error {
	authorities, err := backend.LoadAuthority(s.path(s.Listen.ClientCA))
	if err != nil {
		return usageError{fmt.Errorf("listen.client_ca: %w", err)}
	}
	if err := signer.Check(authorities, time.Now()); err != nil {
		return usageError{fmt.Errorf("enrolment.ca_certificate is not trusted by listen.client_ca, so that rigs would enrol in vain: %w", err)}
	}
	return nil
}

func (s *settings) openTable(ctx context.Context) (registry.Table, error) {
	if s.Registry.Kind == registryDynamo {
		return registry.OpenDynamoDB(ctx, cmp.Or(s.Registry.Region, s.S3.Region), s.Registry.Table)
	}
	return registry.OpenFile(s.path(s.Registry.Path))
}

func (s *settings) openAuthority(ctx context.Context) (*authority.Authority, error) {
	e := s.Enrolment
	if e.CASecretARN != "" {
		return authority.OpenSecret(ctx, s.path(e.CACertificate), e.CASecretARN, time.Duration(e.Validity))
	}
	a, err := authority.OpenFile(s.path(e.CACertificate), s.path(e.CAKey), time.Duration(e.Validity))
	if err != nil {
		return nil, usageError{err}
	}
	return a, nil
}

// socket is where the running server's office is.
func (s *settings) socket() string {
	return s.path(cmp.Or(s.Registry.Socket, s.Registry.Path+".sock"))
}

// give hands the memory to a backend's options.
func (m memory) give(o *backend.Options) {
	o.Registry = m.registry
	if m.signer != nil {
		o.Signer = m.signer
	}
}

// openDoor lets strangers in so that they can enrol.
func (m memory) openDoor(config *tls.Config) {
	if m.signer != nil {
		config.ClientAuth = tls.VerifyClientCertIfGiven
	}
}

// listen binds the office's socket, so that it is there when the server says that it is ready.
func (m *memory) listen() (err error) {
	if m.socket == "" {
		return nil
	}
	if m.office, err = registry.ListenOffice(m.socket); err != nil {
		return fmt.Errorf("registry.socket: %w", err)
	}
	return nil
}

func (m memory) serveOffice(ctx context.Context, group *errgroup.Group, log *slog.Logger) {
	if m.office != nil {
		group.Go(func() error { return registry.ServeOffice(ctx, m.office, m.registry, log) })
	}
}

func (m memory) close() error {
	if m.registry == nil {
		return nil
	}
	return m.registry.Close()
}

// openOffice is for a person: the running server's when there is one, else the registry itself.
func (s *settings) openOffice(ctx context.Context, say func(string)) (registry.Office, func() error, error) {
	switch s.Registry.Kind {
	case registryNone:
		return nil, nil, usageError{errors.New("there is no [registry] in this configuration, so that nobody can be invited or revoked")}
	case registryFile:
		client, err := registry.Dial(ctx, s.socket())
		if err == nil {
			say("asking the running server at " + s.socket())
			return client, client.Close, nil
		}
		if !isAbsent(err) {
			return nil, nil, fmt.Errorf("the running server's socket %s: %w; run this as its owner, or as root", s.socket(), err)
		}
		say("no server answers at " + s.socket() + "; opening " + s.path(s.Registry.Path))
	}
	table, err := s.openTable(ctx)
	if err != nil {
		return nil, nil, hint(err)
	}
	memory := registry.New(table, slog.New(slog.DiscardHandler))
	return memory, memory.Close, nil
}
