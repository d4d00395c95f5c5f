package authority

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"shelfagent/uploader/backend/mototest"
)

func TestKeyFromSecretsManager(t *testing.T) {
	mototest.Start(t)
	root := makeCA(t, nil, nil)
	cert := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(cert, certPEM(root), 0o644); err != nil {
		t.Fatal(err)
	}
	arn := mototest.Secret(t, "shelf/ca", string(keyPEM(t, root.key)))
	a, err := OpenSecret(t.Context(), cert, arn, DefaultValid)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Sign(t.Context(), newKey(t).Public(), rig, time.Now()); err != nil {
		t.Error(err)
	}
	other := mototest.Secret(t, "shelf/other", string(keyPEM(t, newKey(t))))
	for _, arn := range []string{other, arn + "x", "shelf/ca", "arn:aws:s3:::bucket"} {
		if _, err := OpenSecret(t.Context(), cert, arn, DefaultValid); err == nil {
			t.Errorf("%s: no error", arn)
		}
	}
}
