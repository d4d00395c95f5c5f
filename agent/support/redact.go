package support

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// shortest is the least of what is taken for a secret by its value, in bytes: less would take words apart.
const shortest = 6

// mark stands where something was taken out.
const mark = "[redacted]"

// Redactor takes secrets out of texts, and counts them by kind. Make it with NewRedactor. It is for one goroutine.
type Redactor struct {
	known  []known
	counts map[string]int
}

// known is a secret whose value lies on this machine.
type known struct {
	kind  string
	value []byte
}

// NewRedactor knows no value yet.
func NewRedactor() *Redactor { return &Redactor{counts: map[string]int{}} }

// Know has a value taken out wherever it stands, with its usual encodings.
func (r *Redactor) Know(kind, value string) {
	value = strings.TrimSpace(value)
	if len(value) < shortest {
		return
	}
	for _, form := range []string{value, base64.StdEncoding.EncodeToString([]byte(value)), strings.ReplaceAll(value, "\n", `\n`)} {
		r.known = append(r.known, known{kind, []byte(form)})
	}
	r.sort()
}

// KnowKey has a private key in PEM taken out: as a whole, line by line, and as the text that lines make together.
func (r *Redactor) KnowKey(kind string, text []byte) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if !strings.Contains(block.Type, "PRIVATE KEY") {
			continue
		}
		r.known = append(r.known, known{kind, []byte(base64.StdEncoding.EncodeToString(block.Bytes))}, known{kind, block.Bytes})
		for line := range strings.Lines(string(pem.EncodeToMemory(block))) {
			if line = strings.TrimSpace(line); len(line) >= shortest && !strings.HasPrefix(line, "-----") {
				r.known = append(r.known, known{kind, []byte(line)})
			}
		}
	}
	r.sort()
}

// sort puts the longest first: a part must not be taken out of a whole, and leave the rest.
func (r *Redactor) sort() {
	slices.SortFunc(r.known, func(a, b known) int { return cmp.Compare(len(b.value), len(a.value)) })
}

// form is a secret that is known by how it looks. What its first group matches stays.
type form struct {
	kind string
	like *regexp.Regexp
}

// forms are tried in this order. A password may hold any character, so what stands between a colon and the last @ before a
// space is taken for one; where a query may have begun before the @, all of the URL is.
var forms = []form{
	{"private key", regexp.MustCompile(`()-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\z)`)},
	{"user and password in a URL", regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)(?:[^\s/@:?"\\]*:[^\s?"\\]*|[^\s/@:?"\\]+)@`)},
	{"user and password in a URL", regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^\s/@:?"\\]*:[^\s?"\\]*\?[^\s"\\]*@[^\s"\\]*`)},
	{"query of a URL", regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>?\\]*\?)[^\s"'<>\\]+`)},
	{"user and password before a host", regexp.MustCompile(`()[^\s/@:"'<>\[\](),=\\]+:/?[^\s/"\\][^\s"\\]*@`)},
	{"signature", regexp.MustCompile(`((?i:x-amz-(?:signature|credential|security-token))(?:=|%3[dD]|%253[dD]|["']?\s*:\s*["']?))[^\s&"'<>\\]+`)},
	{"authorization", regexp.MustCompile(`((?i:authorization)\\?["']?\s*[:=]\s*\\?["']?)[^"'\\\r\n]+`)},
	{"authorization", regexp.MustCompile(`((?i:\bbearer)\s+)[A-Za-z0-9._~+/=-]{8,}`)},
	{"password or token", regexp.MustCompile(`()\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{2,}(?:\.[A-Za-z0-9_-]*){1,3}`)}, // a JWT (RFC 7519): {" in base64url
	{"AWS key id", regexp.MustCompile(`()\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b`)},
	{"enrolment code", regexp.MustCompile(`((?i:--code)[= ]+)[^\s"']+`)},
	{"password or token", regexp.MustCompile(`((?i:--(?:password|token|secret))[= ]+)[^\s"']+`)},
	{"enrolment code", regexp.MustCompile(`()(?i:\b[0-9a-z]{4}(?:-[0-9a-z]{4}){3}\b)`)},
	{"password or token", regexp.MustCompile(`((?i:[a-z0-9_.-]*(?:password|passwd|passphrase|secret|token|api_?key|access_?key|private_?key)[a-z0-9_.-]*)\\?["']?\s*[:=]\s*)` +
		`(?:\\?"[^"\n\\]+\\?"|'[^'\n]+'|[^\s,;&"'\\]+)`)},
}

// innocent are names that look like a password's, and hold the name of a file or a choice instead.
var innocent = regexp.MustCompile(`(?i)(?:token_file|allow_lab_token)\\?["']?\s*[:=]`)

// Clean returns the text without secrets.
func (r *Redactor) Clean(text []byte) []byte {
	for _, k := range r.known {
		if n := bytes.Count(text, k.value); n > 0 {
			r.counts[k.kind] += n
			text = bytes.ReplaceAll(text, k.value, []byte(mark))
		}
	}
	for _, f := range forms {
		text = f.like.ReplaceAllFunc(text, func(found []byte) []byte {
			stays := f.like.FindSubmatch(found)[1]
			rest := found[len(stays):]
			if innocent.Match(stays) || bytes.HasPrefix(bytes.Trim(rest, `"'\`), []byte(mark)) {
				return found
			}
			r.counts[f.kind]++
			kept := slices.Clone(stays)
			if strings.HasSuffix(string(found), "@") {
				return append(kept, mark+"@"...)
			}
			return append(kept, quoted(rest)...)
		})
	}
	return text
}

// quoted keeps the quotes of what it replaces: the document stays one.
func quoted(secret []byte) []byte {
	for _, quote := range []string{`\"`, `"`, `'`} {
		if s := string(secret); len(s) >= 2*len(quote) && strings.HasPrefix(s, quote) && strings.HasSuffix(s, quote) {
			return []byte(quote + mark + quote)
		}
	}
	return []byte(mark)
}

// literal is a string in JSON, as it is written.
var literal = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// cleanDocument cleans each string of a JSON document, as it reads without its escapes, and then what they make together
// where that leaves it a document.
func cleanDocument(text []byte, clean func([]byte) []byte) []byte {
	text = literal.ReplaceAllFunc(text, func(found []byte) []byte {
		var s string
		if json.Unmarshal(found, &s) != nil {
			return []byte(`"` + mark + `"`)
		}
		again, err := json.Marshal(string(clean([]byte(s))))
		if err != nil {
			return []byte(`"` + mark + `"`)
		}
		return again
	})
	if whole := clean(text); json.Valid(whole) {
		return whole
	}
	return text
}

// Taken says what was taken out, by kind.
func (r *Redactor) Taken() map[string]int { return maps.Clone(r.counts) }
