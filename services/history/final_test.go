package history_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/history"
)

func TestFinalRoundTrip(t *testing.T) {
	t.Parallel()
	want := history.Final{
		Rows: []history.Row{row("a", "1", "CONFIRMED"), row("b", "2", "REFUSED")}, Tiers: tier(8), DeadLetters: []string{"3"},
	}
	var file bytes.Buffer
	if err := history.WriteFinal(&file, want); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{`"rows"`, `"tiers"`, `"event_id"`, `"tier"`, `"capacity": 10`, `"stock": 8`, `"dead_letters"`} {
		if !strings.Contains(file.String(), field) {
			t.Errorf("%s is not in\n%s", field, &file)
		}
	}
	got, err := history.ReadFinal(&file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("round trip (-want +got):\n%s", diff)
	}
}

func TestReadFinalRefusesWhatItCannotJudge(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ text, want string }{
		"nothing":          {"", "EOF"},
		"not JSON":         {"rows", "invalid"},
		"an unknown field": {`{"rows":[],"teirs":[]}`, "teirs"},
		"two documents":    {`{"tiers":[{"event_id":"a","tier":"b"}]} {}`, "more after"},
		"no tiers":         {`{"rows":[]}`, "no tiers"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := history.ReadFinal(strings.NewReader(tc.text)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("ReadFinal = %v, want %q in it", err, tc.want)
			}
		})
	}
}
