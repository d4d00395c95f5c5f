package frame

// maxSpans limits the parts of one file. Real pictures have tens; a file of a million comments would otherwise
// cost more memory than its own size.
const maxSpans = 1 << 14

// spans are the parts of a file that are copied as they are, in order. Neighbours become one.
type spans struct {
	raw  []byte
	list []span
}

type span struct{ from, to int }

func (s *spans) add(from, to int) error {
	if n := len(s.list); n > 0 && s.list[n-1].to == from {
		s.list[n-1].to = to
		return nil
	}
	if len(s.list) == maxSpans {
		return reject(CodeCorrupt, "more than %d scattered parts", maxSpans)
	}
	s.list = append(s.list, span{from, to})
	return nil
}

// size is in bytes.
func (s *spans) size() int {
	n := 0
	for _, p := range s.list {
		n += p.to - p.from
	}
	return n
}

func (s *spans) appendTo(out []byte) []byte {
	for _, p := range s.list {
		out = append(out, s.raw[p.from:p.to]...)
	}
	return out
}
