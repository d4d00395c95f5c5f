package support

import (
	"os"
	"regexp"
	"strings"

	"shelfagent/agent/config"
)

// telling are the names of environment variables whose values are secrets.
var telling = regexp.MustCompile(`(?i)pass|secret|token|key|credential|(?:^|_)auth(?:_|$)`)

// maxSecretFile bounds what is read of a file that should hold a secret.
const maxSecretFile = 64 << 10

// learn tells the redactor what secrets lie on this machine. What this user may not read, no text of his can hold by
// reading; a log could, and there the forms help.
func learn(r *Redactor, c *config.Config) {
	for _, ending := range []string{"", ".new", ".old"} {
		if text, err := readSome(c.Home().Key+ending, maxSecretFile); err == nil {
			r.KnowKey("device key", text)
		}
	}
	if c.Backend.TokenFile != "" {
		if text, err := readSome(c.Backend.TokenFile, maxSecretFile); err == nil {
			r.Know("lab token", string(text))
		}
	}
	for _, variable := range os.Environ() {
		name, value, _ := strings.Cut(variable, "=")
		if telling.MatchString(name) && !strings.HasPrefix(value, "/") {
			r.Know("value of an environment variable", value)
		}
	}
}
