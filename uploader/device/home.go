package device

import (
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"shelfagent/uploader/ticket"
)

// Names beside the files in use.
const (
	ready = ".new"
	aside = ".old"
)

// keyMode and certificateMode are those of the files. A certificate is public.
const (
	keyMode         fs.FileMode = 0o600
	certificateMode fs.FileMode = 0o644
)

// ErrKeyChanged says that the device key is another than when the certificate was asked for: somebody has enrolled
// this rig meanwhile.
var ErrKeyChanged = errors.New("the device key has changed meanwhile")

// Home is where a rig's device key and certificate lie.
type Home struct {
	// Certificate and Key are absolute paths.
	Certificate, Key string
	// Owner gets what is written; nil means the user of this process.
	Owner *Owner

	after func(step, file string) // tests look at the disk after each step
}

// Prepare makes the folders for an enrolment, and tries whether files can be changed in them: a certificate that
// cannot be kept should not be asked for.
func (h *Home) Prepare() error {
	for _, dir := range []string{filepath.Dir(h.Certificate), filepath.Dir(h.Key)} {
		if err := h.make(dir); err != nil {
			return err
		}
	}
	return h.inFolders(func(certificates, keys *folder) error { return errors.Join(certificates.try(), keys.try()) })
}

// TryRenew is Prepare for a renewal, which leaves the key alone.
func (h *Home) TryRenew() error { return h.inFolder((*folder).try) }

// PendingKey is the key to enrol with: the one of a try whose answer was lost, or else a new one. It is on the disk
// before it is used, so that a backend which knows the try can answer it again.
func (h *Home) PendingKey() (key crypto.Signer, err error) {
	err = h.inFolders(func(_, keys *folder) error {
		name := filepath.Base(h.Key) + ready
		if text, readErr := keys.read(name); readErr == nil {
			if key, readErr = parseKey(text); readErr == nil {
				return nil
			}
		}
		if key, err = newKey(); err != nil {
			return err
		}
		text, err := encodeKey(key)
		if err != nil {
			return err
		}
		return keys.write(name, text, keyMode)
	})
	return key, err
}

// Install puts the pending key and the certificate that was issued for it in the place of the pair that is there,
// which it leaves aside. It is all or nothing, whenever it is cut off.
func (h *Home) Install(issued *ticket.Issued) error {
	return h.inFolders(func(certificates, keys *folder) error {
		key, certificate := filepath.Base(h.Key), filepath.Base(h.Certificate)
		text, err := keys.read(key + ready)
		if err != nil {
			return err
		}
		pending, err := parseKey(text)
		if err != nil {
			return keys.failed("read", key+ready, err)
		}
		if err := fits(pending, issued); err != nil {
			return err
		}
		for _, step := range []func() error{
			func() error { return setAside(keys, key, keyMode) },
			func() error { return setAside(certificates, certificate, certificateMode) },
			func() error { return certificates.write(certificate+ready, issued.PEM, certificateMode) },
			func() error { return keys.rename(key+ready, key) }, // the commit point
			func() error { return certificates.rename(certificate+ready, certificate) },
		} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
}

// setAside copies a file, if it is there: a rename would leave a moment without one.
func setAside(d *folder, name string, mode fs.FileMode) error {
	text, err := d.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return d.write(name+aside, text, mode)
}

// Stage keeps a renewed certificate beside the one in use, until it is tried.
func (h *Home) Stage(issued *ticket.Issued) error {
	return h.inFolder(func(certificates *folder) error {
		key, err := h.Signer()
		if err != nil {
			return err
		}
		if err := fits(key, issued); err != nil {
			return err
		}
		return certificates.write(filepath.Base(h.staged()), issued.PEM, certificateMode)
	})
}

// Promote makes the certificate that lies ready the one in use. One rename is all of it.
func (h *Home) Promote() error {
	return h.inFolder(func(certificates *folder) error {
		if _, err := h.load(h.staged()); err != nil {
			return fmt.Errorf("%w: %w", ErrKeyChanged, err)
		}
		return certificates.rename(filepath.Base(h.staged()), filepath.Base(h.Certificate))
	})
}

// Discard removes what lies ready, because it does not work.
func (h *Home) Discard() error {
	return h.inFolder(func(certificates *folder) error {
		return errors.Join(certificates.remove(filepath.Base(h.staged())), certificates.sync())
	})
}

// Settle ends an enrolment that was cut off between key and certificate. It tells whether there was one.
func (h *Home) Settle() (settled bool, err error) {
	if _, err := h.load(h.Certificate); err == nil {
		return false, nil
	}
	if _, err := h.load(h.staged()); err != nil {
		return false, nil //nolint:nilerr // nothing lies ready: others say what is wrong with the pair
	}
	return true, h.Promote()
}

// Signer is the key in use. It is read where it lies, not by a handle of the folder: systemd's credentials are links.
func (h *Home) Signer() (crypto.Signer, error) {
	if err := private(h.Key); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(h.Key)
	if err != nil {
		return nil, fmt.Errorf("device key: %w", err)
	}
	key, err := parseKey(text)
	if err != nil {
		return nil, fmt.Errorf("device key %s: %w", h.Key, err)
	}
	return key, nil
}

func fits(key crypto.Signer, issued *ticket.Issued) error {
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(issued.Leaf.PublicKey) {
		return ErrKeyChanged
	}
	return nil
}

// inFolder does something in the certificate's folder while nobody else does.
func (h *Home) inFolder(do func(certificates *folder) error) error {
	certificates, err := h.open(filepath.Dir(h.Certificate))
	if err != nil {
		return err
	}
	defer certificates.close()
	unlock, err := certificates.lock()
	if err != nil {
		return err
	}
	defer unlock()
	return do(certificates)
}

// inFolders is inFolder with the key's folder; the certificate's is the one that is locked.
func (h *Home) inFolders(do func(certificates, keys *folder) error) error {
	return h.inFolder(func(certificates *folder) error {
		keys, err := h.open(filepath.Dir(h.Key))
		if err != nil {
			return err
		}
		defer keys.close()
		return do(certificates, keys)
	})
}
