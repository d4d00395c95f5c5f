package strict

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a time span in the file: "30s", "5m", "36h", "7d". Never a bare number: nobody would know of
// what.
type Duration time.Duration

// Want says what is expected.
func (Duration) Want() string { return `a time span in quotes, such as "30s", "5m", "12h" or "7d"` }

// UnmarshalText accepts what time.ParseDuration does, but for negative ones, and days.
func (d *Duration) UnmarshalText(text []byte) error {
	s := string(text)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return notSpan(s)
		}
		*d = Duration(time.Duration(n) * 24 * time.Hour) // 16 bits of days fit
		return nil
	}
	parsed, err := time.ParseDuration(s)
	if err != nil || parsed < 0 {
		return notSpan(s)
	}
	*d = Duration(parsed)
	return nil
}

// MarshalText writes what String does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String is the shortest form that UnmarshalText reads: "30d", "5m", "1h30m".
func (d Duration) String() string {
	const daily = Duration(24 * time.Hour)
	if d > 0 && d%daily == 0 {
		return fmt.Sprintf("%dd", int64(d/daily))
	}
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func notSpan(s string) error {
	return fmt.Errorf(`%q is not a time span; write it as in "30s", "5m", "12h" or "7d"`, shorten(s, maxShownValue))
}

// Size is a number of bytes in the file: "512 MiB", "2 GB", or a bare 4096.
type Size int64

// Want says what is expected.
func (Size) Want() string {
	return `a size in quotes, such as "512 MiB" or "20 GB", or a number of bytes`
}

var units = []struct {
	suffix string
	bytes  float64
}{
	// The longer names first: "MiB" also ends in "B".
	{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30}, {"tib", 1 << 40},
	{"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9}, {"tb", 1e12}, {"b", 1}, {"", 1},
}

// MarshalText writes the largest binary unit that leaves a whole number, or the number of bytes.
func (s Size) MarshalText() ([]byte, error) {
	names := []string{"", " KiB", " MiB", " GiB", " TiB"}
	n, i := int64(s), 0
	for n > 0 && n%1024 == 0 && i < len(names)-1 {
		n, i = n/1024, i+1
	}
	return []byte(strconv.FormatInt(n, 10) + names[i]), nil
}

// UnmarshalText accepts a number and a unit, binary (KiB) or decimal (kB).
func (s *Size) UnmarshalText(text []byte) error {
	given := strings.ToLower(strings.TrimSpace(string(text)))
	for _, unit := range units {
		number, ok := strings.CutSuffix(given, unit.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(n*unit.bytes < 1<<60) || n < 0 { // NaN compares to nothing
			break
		}
		*s = Size(n * unit.bytes)
		return nil
	}
	return fmt.Errorf(`%q is not a size; write it as in "512 MiB" or "20 GB"`, shorten(string(text), maxShownValue))
}
