package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"
)

const (
	// longestSocket is what a Unix socket's address has room for, on the system with the least.
	longestSocket = 103
	// maxOfficeRequest bounds what is asked, in bytes, and maxOfficeAnswer what is answered: a list of 100,000 rigs.
	maxOfficeRequest = 64 << 10
	maxOfficeAnswer  = 64 << 20
	officeTimeout    = time.Minute

	invitePath            = "/v1/invite"
	rigsPath              = "/v1/rigs"
	revokeRigPath         = "/v1/revoke/rig"
	revokeCertificatePath = "/v1/revoke/certificate"
)

// officeRequest is what the socket is asked; each path looks at its own part.
type officeRequest struct {
	Rig     Rig           `json:"rig,omitzero"`
	Valid   time.Duration `json:"valid,omitempty"`
	Serial  string        `json:"serial,omitempty"`
	Reason  string        `json:"reason,omitempty"`
	Unknown bool          `json:"unknown,omitempty"`
}

// officeProblem is an answer that says no.
type officeProblem struct {
	Unknown bool   `json:"unknown,omitempty"` // ErrUnknownRig
	Message string `json:"message"`
}

// ListenOffice binds a Unix socket that its owner alone can use. The caller has the registry's file open, and with
// it the right to the socket: one that is there was left behind by a process that ended. It appears under its name
// with its mode already set.
func ListenOffice(path string) (net.Listener, error) {
	fresh := path + ".new"
	if len(fresh) > longestSocket {
		return nil, fmt.Errorf("%s has %d letters, a socket's path here at most %d; choose a shorter one", path, len(path), longestSocket-len(".new"))
	}
	for _, old := range []string{path, fresh} {
		info, err := os.Lstat(old)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if info.Mode()&fs.ModeSocket == 0 {
			return nil, fmt.Errorf("%s is there and no socket; remove it, or name another place", old)
		}
		if err := os.Remove(old); err != nil {
			return nil, err
		}
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: fresh, Net: "unix"})
	if err != nil {
		return nil, err
	}
	listener.SetUnlinkOnClose(false) // it gets another name
	if err := errors.Join(os.Chmod(fresh, 0o600), os.Rename(fresh, path)); err != nil {
		return nil, errors.Join(err, listener.Close(), os.Remove(fresh))
	}
	return &officeListener{listener, path}, nil
}

// officeListener removes its socket when it is closed.
type officeListener struct {
	net.Listener
	path string
}

func (l *officeListener) Close() error {
	err := l.Listener.Close()
	if err == nil {
		err = os.Remove(l.path)
	}
	return err
}

// ServeOffice answers on l, which it closes, until ctx ends. Each change is one line of the log; no code is in it.
func ServeOffice(ctx context.Context, l net.Listener, office Office, log *slog.Logger) error {
	server := &http.Server{
		Handler: officeHandler(office, log), ReadTimeout: officeTimeout, WriteTimeout: officeTimeout,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelInfo),
	}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(l) }()
	select {
	case err := <-stopped:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), officeTimeout)
	defer cancel()
	err := server.Shutdown(grace)
	if served := <-stopped; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

func officeHandler(office Office, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+rigsPath, func(w http.ResponseWriter, r *http.Request) {
		rigs, err := office.Rigs(r.Context())
		answerOffice(w, rigs, err)
	})
	mux.HandleFunc("POST "+invitePath, func(w http.ResponseWriter, r *http.Request) {
		asked, err := readOffice(r)
		if err != nil {
			answerOffice(w, nil, err)
			return
		}
		made, err := office.Invite(r.Context(), asked.Rig, asked.Valid, time.Now())
		if err == nil {
			log.InfoContext(r.Context(), "rig invited", "store", made.Store, "rig", made.Rig.Rig, "until", made.Until)
		}
		answerOffice(w, made, err)
	})
	mux.HandleFunc("POST "+revokeRigPath, func(w http.ResponseWriter, r *http.Request) {
		asked, err := readOffice(r)
		if err == nil {
			err = office.RevokeRig(r.Context(), asked.Rig, asked.Reason, asked.Unknown, time.Now())
		}
		if err == nil {
			log.WarnContext(r.Context(), "rig revoked", "store", asked.Rig.Store, "rig", asked.Rig.Rig, "reason", asked.Reason)
		}
		answerOffice(w, struct{}{}, err)
	})
	mux.HandleFunc("POST "+revokeCertificatePath, func(w http.ResponseWriter, r *http.Request) {
		asked, err := readOffice(r)
		if err != nil {
			answerOffice(w, nil, err)
			return
		}
		rig, err := office.RevokeCertificate(r.Context(), asked.Serial, asked.Reason, time.Now())
		if err == nil {
			log.WarnContext(r.Context(), "certificate revoked", "serial", asked.Serial, "store", rig.Store, "rig", rig.Rig, "reason", asked.Reason)
		}
		answerOffice(w, rig, err)
	})
	return mux
}

func readOffice(r *http.Request) (asked officeRequest, err error) {
	if err := json.NewDecoder(io.LimitReader(r.Body, maxOfficeRequest)).Decode(&asked); err != nil {
		return asked, fmt.Errorf("what was asked cannot be read: %w", err)
	}
	return asked, nil
}

func answerOffice(w http.ResponseWriter, answer any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusUnprocessableEntity)
		answer = officeProblem{Unknown: errors.Is(err, ErrUnknownRig), Message: err.Error()}
	}
	_ = json.NewEncoder(w).Encode(answer) // the reader has gone; nothing to do
}
