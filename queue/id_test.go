package queue

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// The rules in short; the code has them written out.
var (
	cameraRule = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)
	extRule    = regexp.MustCompile(`^[a-z0-9]{1,5}$`)
)

func TestRulesOfNames(t *testing.T) {
	names := []string{"", ".", "..", "-", "a", "a/b", "a\x00", "a\n", "A", "é", "jpeg", "jpegxx", strings.Repeat("a", 63), strings.Repeat("a", 64)}
	random := rand.New(rand.NewPCG(1, 2))
	const letters = "az09._-/AZ~ \n`{:"
	for range 20_000 {
		name := make([]byte, random.IntN(8))
		for i := range name {
			name[i] = letters[random.IntN(len(letters))]
		}
		names = append(names, string(name))
	}
	for _, name := range names {
		if validCamera(name) != cameraRule.MatchString(name) {
			t.Errorf("camera %q: %t", name, validCamera(name))
		}
		if validExt(name) != extRule.MatchString(name) {
			t.Errorf("format %q: %t", name, validExt(name))
		}
	}
}
