package support

import (
	"errors"
	"strings"

	"shelfagent/agent/config/strict"
)

// configuration is the file without its comments. One that has mistakes is told by these alone: what stands in it is not
// known to be what it should be.
func configuration(file string, loaded error) Part {
	p := Part{Name: "config.toml", About: "The configuration, " + file + ", without its comments."}
	var mistakes *strict.Error
	switch {
	case errors.As(loaded, &mistakes):
		p.About = "The mistakes in the configuration, " + file + "."
		p.Missing = "the file has mistakes, and what has them is left out"
		p.Text = []byte("# " + strings.ReplaceAll(mistakes.Error(), "\n", "\n# ") + "\n")
		return p
	case loaded != nil:
		p.Missing = loaded.Error()
		return p
	}
	text, err := strict.ReadFile(file)
	if err != nil {
		p.Missing = err.Error()
	}
	p.Text = withoutComments(text)
	return p
}

// withoutComments blanks what follows a # outside of a string (TOML 1.0, "Comment" and "String"). The lines keep their
// numbers. The text is known to be TOML.
func withoutComments(text []byte) []byte {
	var out []byte
	s := string(text)
	quote := "" // that ends the string that is open
	for i := 0; i < len(s); {
		switch {
		case quote == "" && s[i] == '#':
			if end := strings.IndexByte(s[i:], '\n'); end >= 0 {
				i += end
			} else {
				i = len(s)
			}
			continue
		case quote == "":
			for _, q := range []string{`"""`, `'''`, `"`, `'`} {
				if strings.HasPrefix(s[i:], q) {
					quote = q
					break
				}
			}
			n := max(len(quote), 1)
			out, i = append(out, s[i:i+n]...), i+n
		case s[i] == '\\' && quote[0] == '"' && i+1 < len(s):
			out, i = append(out, s[i:i+2]...), i+2
		case strings.HasPrefix(s[i:], quote):
			out, i, quote = append(out, quote...), i+len(quote), ""
		default:
			out, i = append(out, s[i]), i+1
		}
	}
	return out
}
