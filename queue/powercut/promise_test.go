//go:build linux && (amd64 || arm64)

package powercut

import (
	"encoding/json"
	"slices"
	"testing"

	"shelfagent/queue"
)

// noted makes a record of notes, at positions 0, 1, 2, ….
func noted(t *testing.T, notes ...note) promises {
	t.Helper()
	var ops []op
	for _, n := range notes {
		text, err := json.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		ops = append(ops, op{kind: opNote, data: text})
	}
	p, err := readPromises(ops)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPromises(t *testing.T) {
	made := recipe{Camera: "cam-1", Number: 1, Bytes: 3}
	id := made.id()
	p := noted(t,
		note{Did: didPut, Call: 1, ID: id, Make: &made},                                      // 0
		note{Did: didLease, Call: 2},                                                         // 1
		note{Did: didLease, Call: 2, Done: true, Got: []handout{{ID: id, Attempts: 1}}},      // 2
		note{Did: didPut, Call: 1, Done: true, ID: id, Was: "leased"},                        // 3
		note{Did: didAck, Call: 3, ID: id},                                                   // 4
		note{Did: didAck, Call: 3, Done: true, ID: id},                                       // 5
		note{Did: didAgain, Call: 4, ID: id, Make: &made},                                    // 6
		note{Did: didAgain, Call: 4, Done: true, ID: id, Was: queue.Delivered.String()},      // 7
		note{Did: didPut, Call: 5, ID: "cam-1/never", Make: &recipe{Camera: "x", Number: 2}}) // 8
	item := found{ID: id, State: queue.Waiting, Whole: true, Source: made.source()}
	tried := item
	tried.Attempts = 1
	rebuilt := item
	rebuilt.Rebuilt, rebuilt.Source = true, ""
	hollow := found{ID: id, State: queue.Parked, Reason: queue.ReasonMissing, Source: made.source()}
	for _, row := range []struct {
		name  string
		cut   int
		it    *found
		left  queue.State
		class string
	}{
		{"nothing has begun", 0, nil, 0, ""},
		{"it is there before anyone put it", 0, &item, 0, faultResent},
		{"a put under way may be nothing", 1, nil, 0, ""},
		{"or whole", 1, &item, 0, ""},
		{"or its payload alone", 1, &rebuilt, 0, ""},
		{"but not its record alone", 1, &hollow, 0, faultHollow},
		{"what was leased was put", 3, nil, 0, faultLost},
		{"and its attempt counted", 3, &item, 0, faultForgotten},
		{"durably", 3, &tried, 0, ""},
		{"a record that was promised", 4, &rebuilt, 0, faultForgotten},
		{"bytes that were promised", 4, &hollow, 0, faultLost},
		{"it has left without being asked to", 4, nil, queue.Delivered, faultLost},
		{"an ack under way may have happened", 5, nil, queue.Delivered, ""},
		{"or not", 5, &tried, 0, ""},
		{"but leaves a receipt", 5, nil, 0, faultForgotten},
		{"what was acked is back", 6, &tried, 0, faultResent},
		{"its receipt is gone", 6, nil, 0, faultForgotten},
		{"all is well", 6, nil, queue.Delivered, ""},
		{"a second put changes nothing", 8, nil, queue.Delivered, ""},
	} {
		it := found{}
		if row.it != nil {
			it = *row.it
		}
		if class, text := compare(p[id].at(row.cut), it, row.it != nil, row.left, made); class != row.class {
			t.Errorf("%s: %q, want %q: %s", row.name, class, row.class, text)
		}
	}
	if got := p.unfinished(3); !slices.Contains(got, made) {
		t.Errorf("unfinished at 3: %v", got)
	}
	if got := p.unfinished(4); slices.Contains(got, made) {
		t.Errorf("unfinished at 4: %v", got)
	}
}

// A drop that never returned has happened or has not; the Put that follows promises the frame in either case, and a new
// record in neither.
func TestPutAfterADropThatNeverReturned(t *testing.T) {
	made := recipe{Camera: "cam-1", Number: 1, Bytes: 3}
	id := made.id()
	notes := []note{
		{Did: didPut, Call: 1, ID: id, Make: &made},                                                // 0
		{Did: didPut, Call: 1, Done: true, ID: id, Was: "waiting"},                                 // 1
		{Did: didLease, Call: 2},                                                                   // 2
		{Did: didLease, Call: 2, Done: true, Got: []handout{{ID: id, Attempts: 1, Rebuilt: true}}}, // 3
		{Did: didDrop, Call: 3, ID: id},                                                            // 4
		{Did: didPut, Call: 4, ID: id, Make: &made},                                                // 5
		{Did: didPut, Call: 4, Done: true, ID: id, Was: "waiting"},                                 // 6
	}
	fresh := found{ID: id, State: queue.Waiting, Whole: true, Source: made.source()}
	kept := found{ID: id, State: queue.Waiting, Whole: true, Attempts: 1, Rebuilt: true}
	killed := noted(t, notes...)
	for name, row := range map[string]struct {
		it    *found
		left  queue.State
		class string
	}{
		"it was not dropped":           {&kept, 0, ""},
		"it was, and was put again":    {&fresh, 0, ""},
		"it is gone":                   {nil, 0, faultLost},
		"it is gone as it was dropped": {nil, queue.Dropped, faultLost},
	} {
		it := found{}
		if row.it != nil {
			it = *row.it
		}
		if class, text := compare(killed[id].at(7), it, row.it != nil, row.left, made); class != row.class {
			t.Errorf("%s: %q, want %q: %s", name, class, row.class, text)
		}
	}
	// Where the drop has returned, the Put has made a new record.
	returned := noted(t, append(notes[:5:5], append([]note{{Did: didDrop, Call: 3, Done: true, ID: id}}, notes[5:]...)...)...)
	if class, _ := compare(returned[id].at(8), kept, true, 0, made); class != faultForgotten {
		t.Errorf("the old record after a drop: %q", class)
	}
}
