package support

import (
	"context"
	"os"
	"regexp"
	"strings"
	"time"

	"shelfagent/agent/config"
)

// telling are the names of environment variables whose values are secrets.
var telling = regexp.MustCompile(`(?i)pass|secret|token|key|credential|(?:^|_)auth(?:_|$)`)

// maxSecretFile bounds what is read of a file that should hold a secret.
const maxSecretFile = 64 << 10

// learn tells the redactor what secrets lie on this machine. What this user may not read, no text of his can hold by
// reading; a log could, and there the forms help.
func learn(ctx context.Context, most time.Duration, r *Redactor, c *config.Config) {
	key := c.Home().Key
	texts := inTime(ctx, most, []string{key, key + ".new", key + ".old", c.Backend.TokenFile}, nil, func(file string) []byte {
		text, _ := readSome(file, maxSecretFile) // most are not there
		return text
	})
	for _, text := range texts[:3] {
		r.KnowKey("device key", text)
	}
	r.Know("lab token", string(texts[3]))
	for _, variable := range os.Environ() {
		name, value, _ := strings.Cut(variable, "=")
		if telling.MatchString(name) && !strings.HasPrefix(value, "/") {
			r.Know("value of an environment variable", value)
		}
	}
}
