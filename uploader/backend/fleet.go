package backend

import (
	"encoding/json"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"shelfagent/uploader/ticket"
)

// Bounds of what is remembered of the rigs' heartbeats.
const (
	// fresh is how long a rig is as it said. Rigs beat once a minute, and every five minutes at worst.
	fresh = 10 * time.Minute
	// forgotten is after how long a silent rig is not counted any more.
	forgotten = 7 * 24 * time.Hour
	// maxRigs is how many rigs are remembered; a rig takes a few hundred bytes.
	maxRigs = 20_000
	// maxRigCodes is how many conditions of one rig are, and maxCodes how many different ones are told apart. A rig's
	// program has some fifty.
	maxRigCodes = 32
	maxCodes    = 100
)

// otherCode stands for what does not look like the code of a condition, and for those beyond maxCodes.
const otherCode = "other"

// conditionCode is how codes of conditions look. Which there are is the rigs' to know.
var conditionCode = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

const maxCodeLength = 40

// fleet remembers how each rig said it is, for the metrics. It is this process's memory: after a start, rigs that stay
// silent are unknown, and where several processes share the work each knows those that spoke to it.
type fleet struct {
	now func() time.Time

	mu   sync.Mutex
	rigs map[ticket.Identity]beat // guarded by mu
	// codes are those that have a label of their own, so that one rig's nonsense cannot take the place of what all have
	// said for long; guarded by mu.
	codes map[string]bool
	full  float64 // heartbeats for which there was no room; guarded by mu
}

// beat is the last heartbeat of a rig.
type beat struct {
	at      time.Time
	verdict string
	codes   []string // each once
}

func newFleet(now func() time.Time) *fleet {
	return &fleet{now: now, rigs: map[ticket.Identity]beat{}, codes: map[string]bool{}}
}

// hear notes a heartbeat. Whatever it is, it is one; what of it cannot be read is not counted.
func (f *fleet) hear(id ticket.Identity, body map[string]json.RawMessage) {
	var verdict string
	var conditions []struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal(body["verdict"], &verdict) // a rig of another make may have none
	_ = json.Unmarshal(body["conditions"], &conditions)
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if _, known := f.rigs[id]; !known && !f.room(now) {
		f.full++
		return
	}
	b := beat{at: now, verdict: knownVerdict(verdict)}
	seen := map[string]bool{}
	for _, c := range conditions {
		if len(b.codes) == maxRigCodes {
			break // before one more takes a label
		}
		if code := f.label(c.Code); !seen[code] {
			seen[code] = true
			b.codes = append(b.codes, code)
		}
	}
	f.rigs[id] = b
}

// room tells whether there is any for one more rig, and makes some if it can. The caller holds mu.
func (f *fleet) room(now time.Time) bool {
	if len(f.rigs) < maxRigs {
		return true
	}
	f.forget(now)
	return len(f.rigs) < maxRigs
}

func (f *fleet) forget(now time.Time) {
	for id, b := range f.rigs {
		if now.Sub(b.at) > forgotten {
			delete(f.rigs, id)
		}
	}
}

// label bounds what a client can make of a metric. The caller holds mu.
func (f *fleet) label(code string) string {
	switch {
	case f.codes[code]:
		return code
	case len(code) > maxCodeLength || !conditionCode.MatchString(code) || len(f.codes) >= maxCodes:
		return otherCode
	}
	f.codes[code] = true
	return code
}

const unknownVerdict = "unknown"

// verdicts are what rigs say of themselves, as in ticket.Heartbeat.
var verdicts = []string{"healthy", "degraded", "down", unknownVerdict}

func knownVerdict(said string) string {
	if slices.Contains(verdicts, said) {
		return said
	}
	return unknownVerdict
}

var (
	descRigs = prometheus.NewDesc("shelf_backend_rigs",
		"Rigs heard within ten minutes, by the verdict of their last heartbeat.", []string{"verdict"}, nil)
	descConditions = prometheus.NewDesc("shelf_backend_rigs_by_condition",
		"Rigs heard within ten minutes that have the condition.", []string{"code"}, nil)
	descSilent = prometheus.NewDesc("shelf_backend_rigs_silent",
		"Rigs heard within a week by this process, but not within ten minutes.", nil, nil)
	descUnremembered = prometheus.NewDesc("shelf_backend_heartbeats_unremembered_total",
		"Heartbeats of rigs for which there was no room beside 20000 others.", nil, nil)
)

// Describe names all that Collect sends.
func (f *fleet) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descRigs, descConditions, descSilent, descUnremembered} {
		out <- d
	}
}

// Collect counts the rigs. A condition that no rig has any more stays, with 0, so that it is seen to end.
func (f *fleet) Collect(out chan<- prometheus.Metric) {
	rigs, conditions, silent, full := f.count()
	gauge := func(d *prometheus.Desc, n int, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...)
	}
	for _, v := range verdicts {
		gauge(descRigs, rigs[v], v)
	}
	for code, n := range conditions {
		gauge(descConditions, n, code)
	}
	gauge(descSilent, silent)
	out <- prometheus.MustNewConstMetric(descUnremembered, prometheus.CounterValue, full)
}

func (f *fleet) count() (rigs, conditions map[string]int, silent int, full float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	f.forget(now)
	rigs, conditions = map[string]int{}, map[string]int{}
	for code := range f.codes {
		conditions[code] = 0
	}
	for _, b := range f.rigs {
		if now.Sub(b.at) > fresh {
			silent++
			continue
		}
		rigs[b.verdict]++
		for _, code := range b.codes {
			conditions[code]++
		}
	}
	return rigs, conditions, silent, f.full
}
