package backend

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"

	"shelfagent/uploader/ticket"
)

// LabTokens are bearer tokens, for laboratories whose network cannot carry client certificates. A token proves that
// its sender has seen it, and nothing else: it can be copied from the rig, from a proxy, from a screen. Each start and
// each audit line of a backend that takes them says so. The key is the token's SHA-256.
type LabTokens map[[sha256.Size]byte]ticket.Identity

const (
	byLabToken = "lab_token"
	labWarning = "lab tokens are for laboratories: whoever has seen a rig's token is that rig"
	// minLabToken is what a token of 32 hex digits has; shorter ones can be guessed.
	minLabToken = 32
	maxLabLines = 1000
)

// LoadLabTokens reads a file with one line for each rig, "<SHA-256 of the token in hex> <store>/<rig>". Blank lines
// and those that begin with # are skipped. It refuses a file that others may read or write.
func LoadLabTokens(file, trustDomain string) (LabTokens, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s can be read by others (mode %#o); run: chmod 600 %s", file, info.Mode().Perm(), file)
	}
	tokens := LabTokens{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := tokens.add(line, trustDomain); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, n, err)
		}
	}
	return tokens, lines.Err()
}

func (t LabTokens) add(line, trustDomain string) error {
	digest, who, _ := strings.Cut(line, " ")
	store, rig, _ := strings.Cut(strings.TrimSpace(who), "/")
	raw, err := hex.DecodeString(digest)
	// The line is not quoted: it may hold the token itself, by mistake.
	if err != nil || len(raw) != sha256.Size {
		return fmt.Errorf("want the token's SHA-256 in hex, a space, and <store>/<rig>")
	}
	id := ticket.Identity{TrustDomain: trustDomain, Store: store, Rig: rig}
	if err := id.Validate(); err != nil {
		return err
	}
	key := [sha256.Size]byte(raw)
	if _, taken := t[key]; taken || len(t) >= maxLabLines {
		return fmt.Errorf("the same token twice, or more than %d of them", maxLabLines)
	}
	t[key] = id
	return nil
}

// bearer is what a request shows instead of a certificate.
func bearer(r *http.Request) (string, bool) {
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		return "", false
	}
	// Anything else than one bearer token is one that nobody has.
	scheme, token, _ := strings.Cut(values[0], " ")
	if len(values) != 1 || !strings.EqualFold(scheme, "Bearer") {
		return "", true
	}
	return token, true
}

// labCaller looks up a token. Its digest is looked up, so that the time it takes tells nothing about the token.
func (b *Backend) labCaller(token string) (caller, error) {
	if len(b.lab) == 0 {
		return caller{}, fail(http.StatusForbidden, CodeLabToken, "this backend takes client certificates only")
	}
	id, known := b.lab[sha256.Sum256([]byte(token))]
	if !known || len(token) < minLabToken {
		return caller{}, fail(http.StatusForbidden, CodeLabToken, "the lab token is not one that this backend knows")
	}
	return caller{Identity: id, by: byLabToken}, nil
}
