package authority

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"shelfagent/uploader/backend/mototest"
)

func TestKeyFromSecretsManager(t *testing.T) {
	mototest.Start(t)
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client := secretsmanager.NewFromConfig(cfg)
	root := makeCA(t, nil, nil)
	cert := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(cert, certPEM(root), 0o644); err != nil {
		t.Fatal(err)
	}
	store := func(input *secretsmanager.CreateSecretInput) string {
		t.Helper()
		made, err := client.CreateSecret(t.Context(), input)
		if err != nil {
			t.Fatal(err)
		}
		if !ValidSecretARN(*made.ARN) {
			t.Errorf("%s is not called an ARN", *made.ARN)
		}
		return *made.ARN
	}
	text := store(&secretsmanager.CreateSecretInput{Name: aws.String("shelf/ca"), SecretString: aws.String(string(keyPEM(t, root.key)))})
	raw := store(&secretsmanager.CreateSecretInput{Name: aws.String("shelf/raw"), SecretBinary: keyPEM(t, root.key)})
	for _, arn := range []string{text, raw} {
		a, err := OpenSecret(t.Context(), cert, arn, DefaultValid)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Sign(t.Context(), newKey(t).Public(), rig, time.Now()); err != nil {
			t.Error(err)
		}
	}
	other := store(&secretsmanager.CreateSecretInput{Name: aws.String("shelf/other"), SecretString: aws.String(string(keyPEM(t, newKey(t))))})
	for _, arn := range []string{other, text + "x", "shelf/ca", "arn:aws:s3:::bucket"} {
		if _, err := OpenSecret(t.Context(), cert, arn, DefaultValid); err == nil {
			t.Errorf("%s: no error", arn)
		}
	}
}
