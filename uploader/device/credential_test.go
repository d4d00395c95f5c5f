package device

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestACredentialOfSystemds has its group's bit set, which stands for the access list that shows it to the agent alone.
// Anywhere else, and with any other bit, the key is refused.
func TestACredentialOfSystemds(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no such bits")
	}
	a, h := newAuthority(t), newHome(t)
	enroll(t, h, a)
	for _, tc := range []struct {
		story   string
		mode    os.FileMode
		folder  string
		refused bool
	}{
		{"as systemd shows it", 0o440, filepath.Dir(h.Key), false},
		{"owned by the agent", 0o400, filepath.Dir(h.Key), false},
		{"for everybody", 0o444, filepath.Dir(h.Key), true},
		{"the group may write", 0o460, filepath.Dir(h.Key), true},
		{"no credential", 0o440, "", true},
		{"a credential elsewhere", 0o440, t.TempDir(), true},
		{"in a folder below", 0o440, filepath.Dir(filepath.Dir(h.Key)), true},
	} {
		t.Setenv("CREDENTIALS_DIRECTORY", tc.folder)
		must(t, os.Chmod(h.Key, tc.mode))
		_, err := h.Pair()
		if refused := err != nil && strings.Contains(err.Error(), "can be read by others"); refused != tc.refused {
			t.Errorf("%s: %v", tc.story, err)
		}
	}
}
