package history_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/history"
)

// FuzzRead: a history that can be read comes back the same after it was written, and the
// checker has an opinion about every one.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"buyer":"a","event_id":"e","tier":"t","quantity":1,"answer":"CONFIRMED","invoked":"2026-11-23T12:00:00Z","completed":"2026-11-23T12:00:01Z"}`))
	f.Add([]byte("{}\n\n{}"))
	f.Add([]byte("not json"))
	f.Fuzz(func(t *testing.T, text []byte) {
		read, err := history.Read(bytes.NewReader(text))
		if err != nil {
			return
		}
		var file bytes.Buffer
		if err := history.Write(&file, read); err != nil {
			t.Fatalf("write what was read: %v", err)
		}
		again, err := history.Read(&file)
		if diff := cmp.Diff(read, again); err != nil || diff != "" {
			t.Fatalf("%v, round trip (-want +got):\n%s", err, diff)
		}
		report := history.Check(read, history.Final{})
		if report.Attempted > len(read) || report.Acknowledged != report.Lost {
			t.Errorf("an empty ledger, and the report %s", report)
		}
	})
}
