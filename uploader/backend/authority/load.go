package authority

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

const (
	// maxPEM bounds a certificate or key, in bytes. A secret has at most 64 KiB.
	maxPEM = 64 << 10
	// minRSA is the least that an authority's own RSA key has, in bits.
	minRSA = 2048
	// secretTimeout bounds the one question to Secrets Manager.
	secretTimeout = 30 * time.Second
)

var secretARN = regexp.MustCompile(`^arn:aws[a-z-]*:secretsmanager:([a-z0-9-]+):[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]{1,519}$`)

// ValidSecretARN reports whether s is the full ARN of a secret.
func ValidSecretARN(s string) bool { return secretARN.MatchString(s) }

// OpenFile reads the authority's certificate and its key. The key's file must be its owner's alone.
func OpenFile(certFile, keyFile string, valid time.Duration) (*Authority, error) {
	certificate, err := readFile(certFile, false)
	if err != nil {
		return nil, err
	}
	key, err := readFile(keyFile, true)
	if err != nil {
		return nil, err
	}
	a, err := New(certificate, key, valid)
	if err != nil {
		return nil, fmt.Errorf("authority %s, %s: %w", certFile, keyFile, err)
	}
	return a, nil
}

// OpenSecret reads the authority's certificate from a file and its key, PEM, from a secret in AWS Secrets Manager,
// once. Credentials are the SDK's default chain, which needs secretsmanager:GetSecretValue (and kms:Decrypt for a
// secret under a key of one's own); AWS_ENDPOINT_URL_SECRETS_MANAGER is honoured.
func OpenSecret(ctx context.Context, certFile, arn string, valid time.Duration) (*Authority, error) {
	certificate, err := readFile(certFile, false)
	if err != nil {
		return nil, err
	}
	parts := secretARN.FindStringSubmatch(arn)
	if parts == nil {
		return nil, fmt.Errorf("%q is not the full ARN of a secret", arn)
	}
	ctx, cancel := context.WithTimeout(ctx, secretTimeout)
	defer cancel()
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(parts[1]))
	if err != nil {
		return nil, fmt.Errorf("AWS configuration: %w", err)
	}
	secret, err := secretsmanager.NewFromConfig(cfg).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(arn)})
	if err != nil {
		return nil, fmt.Errorf("secret %s: %w", arn, err)
	}
	key := secret.SecretBinary
	if secret.SecretString != nil {
		key = []byte(*secret.SecretString)
	}
	a, err := New(certificate, key, valid)
	if err != nil {
		return nil, fmt.Errorf("authority %s, secret %s: %w", certFile, arn, err)
	}
	return a, nil
}

// readFile looks at the file that it has open, so that nobody can change it between look and read.
func readFile(path string, secret bool) (_ []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); secret && mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("%s has mode %04o: others can read the authority's key; run: chmod 600 %s", path, mode, path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxPEM+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxPEM {
		return nil, fmt.Errorf("%s has more than %d bytes", path, maxPEM)
	}
	return text, nil
}

func readChain(text []byte) (chain []*x509.Certificate, err error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("there is a %s in it", block.Type)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		if !c.IsCA || c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageCertSign == 0 {
			return nil, fmt.Errorf("%q may not sign certificates", c.Subject)
		}
		if n := len(chain); n > 0 && chain[n-1].CheckSignatureFrom(c) != nil {
			return nil, fmt.Errorf("%q is not signed by %q, which follows it", chain[n-1].Subject, c.Subject)
		}
		chain = append(chain, c)
	}
	if len(chain) == 0 {
		return nil, errors.New("there is no certificate in it")
	}
	return chain, nil
}

// readKey never says anything of what it read.
func readKey(text []byte) (crypto.Signer, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		var key any
		var err error
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "ENCRYPTED PRIVATE KEY":
			return nil, errors.New("it is encrypted; this program cannot ask for the passphrase")
		default: // "EC PARAMETERS", which openssl writes before the key
			continue
		}
		if err != nil {
			return nil, errors.New("it cannot be read")
		}
		if short, ok := key.(*rsa.PrivateKey); ok && short.N.BitLen() < minRSA {
			return nil, fmt.Errorf("it is RSA with %d bits, at least %d are wanted", short.N.BitLen(), minRSA)
		}
		signer, ok := key.(crypto.Signer)
		if !ok {
			return nil, errors.New("it cannot sign")
		}
		return signer, nil
	}
	return nil, errors.New("there is no private key in PEM")
}
