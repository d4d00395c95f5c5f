package strict

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// text is a file's content, with its lines.
type text struct {
	raw   []byte
	lines []int  // the offset at which each line begins
	edits []Edit // by which raw differs from the file
}

// byteOrderMark is what some Windows editors begin a UTF-8 file with. It is no letter, so columns are right
// without it.
var byteOrderMark = []byte("\xef\xbb\xbf")

func newText(raw []byte) text {
	t := text{raw: bytes.TrimPrefix(raw, byteOrderMark), lines: []int{0}}
	if !bytes.HasSuffix(t.raw, []byte("\n")) {
		t.raw = append(slices.Clip(t.raw), '\n') // a file that breaks off is wrong at its end, not one letter before
	}
	for i, b := range t.raw {
		if b == '\n' {
			t.lines = append(t.lines, i+1)
		}
	}
	return t
}

// position is the line and column of an offset, both from 1. Columns count letters, as editors do.
func (t text) position(offset int) (line, column int) {
	line, found := slices.BinarySearch(t.lines, offset)
	if !found {
		line--
	}
	column = utf8.RuneCount(t.raw[t.lines[line]:offset]) + 1
	for _, e := range t.edits {
		if e.Offset >= t.lines[line] && e.Offset < offset {
			column -= utf8.RuneCountInString(e.Is) - utf8.RuneCountInString(e.Was)
		}
	}
	return line + 1, column
}

// offset undoes the library's position, whose columns count bytes.
func (t text) offset(line, column int) int {
	if line < 1 || line > len(t.lines) {
		return absent
	}
	return min(t.lines[line-1]+column-1, len(t.raw))
}

// around is an offset's line, before it and from it on.
func (t text) around(offset int) (before, after string) {
	line, _ := t.position(offset)
	rest, _, _ := strings.Cut(string(t.raw[offset:]), "\n")
	return string(t.raw[t.lines[line-1]:offset]), strings.TrimSpace(rest)
}

// afterEquals is where the value of a key begins that ends at offset; the parser does not say it of lists.
func (t text) afterEquals(offset int) int {
	rest := string(t.raw[offset:])
	value := strings.TrimLeft(strings.TrimPrefix(strings.TrimLeft(rest, " \t"), "="), " \t")
	return offset + len(rest) - len(value)
}

// unreadable says where and why the content is no text at all.
func (t text) unreadable() (offset int, reason string) {
	if bytes.HasPrefix(t.raw, []byte("\xff\xfe")) || bytes.HasPrefix(t.raw, []byte("\xfe\xff")) {
		return absent, "the file is UTF-16, as PowerShell's > writes it; save it as UTF-8"
	}
	if at := bytes.IndexByte(t.raw, 0); at >= 0 {
		return at, "there is a zero byte, so this is no text, or it was damaged by a power cut; restore it from a copy"
	}
	for at := 0; at < len(t.raw); {
		letter, size := utf8.DecodeRune(t.raw[at:])
		if letter == utf8.RuneError && size == 1 {
			return at, "there is a byte that is not UTF-8; save the file as UTF-8"
		}
		at += size
	}
	return 0, ""
}

// syntax says where and how TOML is broken, given the place and words of the library. Its words are about the
// letter; people want to hear of the habit that led there.
func (t text) syntax(offset int, library string) (int, string) {
	before, after := t.around(offset)
	value := strings.TrimLeft(before[strings.LastIndexByte(before, '=')+1:], " \t") + after
	switch {
	case strings.HasPrefix(after, `\`), strings.HasSuffix(before, `\`):
		return offset, library + `; in "…" a backslash has a meaning of its own: write Windows paths in '…'`
	case after == "" && (strings.Count(before, `"`)%2 == 1 || strings.Count(before, `'`)%2 == 1):
		return offset, "is the closing quote missing? (" + library + ")"
	case !strings.Contains(before, "="):
		return offset, library
	case value == "" || value[0] == '#':
		return offset, "the value is missing after ="
	case !strings.ContainsAny(value[:1], `"'[{`):
		return offset + len(after) - len(value),
			shorten(value, maxShownValue) + ` is no value: a text needs quotes, as in "…"; a number has digits only; true and false are in small letters`
	default:
		return offset, library
	}
}
