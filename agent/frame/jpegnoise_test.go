package frame

import "math/rand/v2"

// noiseJPEG writes a file that is right in its structure, and random in all else: components, sampling, tables,
// restarts, scans, and the bits of the scans. What no encoder does is what tells two decoders apart. The steps of all
// AC coefficients are 0, so that each block is of one brightness. kind is "sequential", "progressive", or "wild" for a
// file whose DC coefficients may exceed what image/jpeg calculates with.
func noiseJPEG(seed uint64) (raw []byte, kind string) {
	n := &noise{Rand: rand.New(rand.NewPCG(seed, 0)), kind: "sequential"}
	raw = []byte{0xff, mSOI}
	marker := byte(mSOF0 + n.IntN(2))
	if n.IntN(2) == 0 {
		n.kind, marker = "progressive", mSOF2
	}
	n.wild = n.IntN(4) == 0
	step := rune(1 + n.IntN(3))
	raw = append(raw, segment(mDQT, "\x00"+string(step)+string(make([]byte, 63)))...)
	sampling := [][]byte{{0x11}, {0x22}, {0x11, 0x11, 0x11}, {0x22, 0x11, 0x11}, {0x21, 0x11, 0x11}, {0x41, 0x11, 0x11},
		{0x12, 0x11, 0x11}, {0x42, 0x21, 0x21}, {0x22, 0x12, 0x12}, {0x22, 0x11, 0x11, 0x22}, {0x11, 0x11, 0x11, 0x11}}
	factors := sampling[n.IntN(len(sampling))]
	head := []byte{8, 0, byte(1 + n.IntN(70)), 0, byte(1 + n.IntN(70)), byte(len(factors))}
	for i, f := range factors {
		head = append(head, byte(i), f, 0)
	}
	raw = append(raw, segment(marker, string(head))...)
	raw = append(raw, segment(mAPP14, adobeID+"\x00\x64\x00\x00\x00\x00\x01")...)
	if n.IntN(3) == 0 {
		raw = append(raw, segment(mDRI, "\x00"+string([]byte{byte(n.IntN(20))}))...)
	}
	for i := range 1 + n.IntN(8) {
		for _, class := range []byte{0x00, 0x10} {
			raw = append(raw, segment(mDHT, n.table(class))...)
		}
		raw = append(raw, segment(mSOS, n.scanHead(len(factors), i == 0))...)
		raw = append(raw, n.data()...)
	}
	if n.wild {
		n.kind = "wild"
	}
	return append(raw, 0xff, mEOI), n.kind
}

type noise struct {
	*rand.Rand
	kind string
	wild bool
}

// table makes a Huffman table of random codes, which fill all the room or almost.
func (n *noise) table(class byte) string {
	var counts [16]byte
	room, total := 1, 0
	for i := range counts {
		room *= 2
		c := 0
		switch {
		case i == 15 || room > 120:
			c = min(room-n.IntN(2), 200-total)
		case i > 0:
			c = n.IntN(min(room, 40))
		}
		c = max(c, 0)
		counts[i] = byte(c)
		room -= c
		total += c
		if room == 0 {
			break
		}
	}
	if total == 0 {
		counts[3], total = 15, 15
	}
	vals := make([]byte, total)
	for i := range vals {
		switch {
		case class == 0:
			vals[i] = byte(n.IntN(6))
			if n.wild && n.IntN(100) == 0 {
				vals[i] = byte(n.IntN(18))
			}
		case n.IntN(4) == 0:
			vals[i] = byte(n.IntN(16)) << 4 // a run of zeros, or of blocks
		case n.kind == "progressive" && n.IntN(3) > 0:
			vals[i] = byte(n.IntN(4))<<4 | 1
		default:
			vals[i] = byte(n.IntN(6))<<4 | byte(n.IntN(12))
		}
	}
	return string([]byte{class}) + string(counts[:]) + string(vals)
}

func (n *noise) scanHead(components int, first bool) string {
	count := components
	if n.IntN(2) == 0 {
		count = 1 + n.IntN(components)
	}
	start, end, high, low := 0, 63, 0, 0
	if n.kind == "progressive" {
		end, low = 0, n.IntN(3)
		if !first && n.IntN(3) > 0 {
			count, start = 1, 1+n.IntN(10)
			end = start + n.IntN(64-start)
		}
		if !first && n.IntN(2) == 0 {
			high = low + 1
		}
	}
	head := []byte{byte(count)}
	for _, c := range n.Perm(components)[:count] {
		head = append(head, byte(c), 0)
	}
	return string(append(head, byte(start), byte(end), byte(high<<4|low)))
}

// data are random bits, more than most scans need, with restart markers in their right order.
func (n *noise) data() []byte {
	var out []byte
	heavy := n.IntN(4) == 0 // with 0xff
	for i := range n.IntN(20) {
		for range n.IntN(1500) {
			b := byte(n.Uint32())
			if heavy && n.IntN(5) == 0 {
				b = 0xff
			}
			out = append(out, b)
			if b == 0xff {
				out = append(out, 0)
			}
		}
		if n.IntN(2) == 0 {
			break
		}
		out = append(out, 0xff, mRST0+byte(i%8))
	}
	for range n.IntN(4000) {
		out = append(out, byte(n.Uint32())&0x7f)
	}
	return out
}
