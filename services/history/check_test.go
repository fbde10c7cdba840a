package history_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/history"
)

func operation(buyer, order string, answer history.Answer) history.Operation {
	return history.Operation{Buyer: buyer, EventID: "aurora", TierID: "general", Quantity: 2, OrderID: order, Answer: answer}
}

func cancel(buyer, order string, answer history.Answer) history.Operation {
	op := operation(buyer, order, answer)
	op.Action = history.Cancel
	return op
}

func row(buyer, order, state string) history.Row {
	return history.Row{OrderID: order, Buyer: buyer, EventID: "aurora", TierID: "general", Quantity: 2, State: state}
}

func tier(stock int) []history.Tier {
	return []history.Tier{{EventID: "aurora", TierID: "general", Capacity: 10, Stock: stock}}
}

func TestCheckFindsEachPlantedViolation(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason     string
		operations []history.Operation
		final      history.Final
		want       history.Report
	}{
		"nothing wrong": {
			reason: "confirmed, accepted, refused and recovered purchases that all add up",
			operations: []history.Operation{
				operation("a", "1", history.Confirmed), operation("b", "2", history.Accepted),
				operation("c", "", history.Refused), operation("d", "", history.Unknown), operation("e", "", history.Unknown),
			},
			final: history.Final{
				Rows:  []history.Row{row("a", "1", "CONFIRMED"), row("b", "2", "CONFIRMED"), row("d", "4", "CONFIRMED")},
				Tiers: tier(4),
			},
			want: history.Report{Attempted: 5, Acknowledged: 2, AcceptedAsync: 1, Persisted: 3, Recovered: 1},
		},
		"lost": {
			operations: []history.Operation{operation("a", "1", history.Accepted)},
			final:      history.Final{Tiers: tier(10)},
			want: history.Report{
				Attempted: 1, Acknowledged: 1, AcceptedAsync: 1, Lost: 1,
				Violations: []history.Violation{{Kind: history.Lost, Detail: "a was told ACCEPTED_ASYNC for order 1, which is nowhere"}},
			},
		},
		"parked": {
			reason:     "a dead letter is not lost: it can be re-driven",
			operations: []history.Operation{operation("a", "1", history.Accepted)},
			final:      history.Final{Tiers: tier(10), DeadLetters: []string{"1"}},
			want:       history.Report{Attempted: 1, Acknowledged: 1, AcceptedAsync: 1},
		},
		"duplicated purchase": {
			operations: []history.Operation{operation("a", "1", history.Confirmed)},
			final: history.Final{
				Rows:  []history.Row{row("a", "1", "CONFIRMED"), row("a", "2", "CONFIRMED")},
				Tiers: tier(6),
			},
			want: history.Report{
				Attempted: 1, Acknowledged: 1, Duplicated: 1,
				Violations: []history.Violation{{Kind: history.Duplicated, Detail: "a has 2 rows: 1 and 2"}},
			},
		},
		"duplicated order": {
			operations: []history.Operation{operation("a", "1", history.Confirmed), operation("b", "1", history.Confirmed)},
			final: history.Final{
				Rows:  []history.Row{row("a", "1", "CONFIRMED"), row("b", "1", "CONFIRMED")},
				Tiers: tier(6),
			},
			want: history.Report{
				Attempted: 2, Acknowledged: 2, Persisted: 2, Duplicated: 1,
				Violations: []history.Violation{{Kind: history.Duplicated, Detail: "order 1 has 2 rows"}},
			},
		},
		"unexpected": {
			final: history.Final{Rows: []history.Row{row("ghost", "9", "CONFIRMED")}, Tiers: tier(8)},
			want: history.Report{
				Unexpected: 1,
				Violations: []history.Violation{{Kind: history.Unexpected, Detail: "ghost never asked for order 9"}},
			},
		},
		"another quantity than asked": {
			operations: []history.Operation{{Buyer: "a", EventID: "aurora", TierID: "general", Quantity: 1, OrderID: "1", Answer: history.Confirmed}},
			final:      history.Final{Rows: []history.Row{row("a", "1", "CONFIRMED")}, Tiers: tier(8)},
			want: history.Report{
				Attempted: 1, Acknowledged: 1, Persisted: 1, Unexpected: 1,
				Violations: []history.Violation{{
					Kind:   history.Unexpected,
					Detail: "a asked for 1 of aurora/general, order 1 has 2 of aurora/general",
				}},
			},
		},
		"oversold and leaked": {
			operations: []history.Operation{operation("a", "1", history.Confirmed)},
			final: history.Final{
				Rows:  []history.Row{row("a", "1", "CONFIRMED")},
				Tiers: []history.Tier{{EventID: "aurora", TierID: "general", Capacity: 1, Stock: 0}},
			},
			want: history.Report{
				Attempted: 1, Acknowledged: 1, Persisted: 1, Oversold: 1, Leaked: 1,
				Violations: []history.Violation{
					{Kind: history.Oversold, Detail: "aurora/general has 1 seats, 2 are sold"},
					{Kind: history.Leaked, Detail: "aurora/general: 0 in stock and 2 sold make 2 of 1 seats"},
				},
			},
		},
		"leaked seat": {
			operations: []history.Operation{operation("a", "", history.Refused)},
			final:      history.Final{Tiers: tier(9)},
			want: history.Report{
				Attempted: 1, Leaked: 1,
				Violations: []history.Violation{{Kind: history.Leaked, Detail: "aurora/general: 9 in stock and 0 sold make 9 of 10 seats"}},
			},
		},
		"refused, and sold": {
			operations: []history.Operation{{Buyer: "a", EventID: "aurora", TierID: "general", Quantity: 2, Answer: history.Refused, Code: "503 OVERLOADED"}},
			final:      history.Final{Rows: []history.Row{row("a", "1", "CONFIRMED")}, Tiers: tier(8)},
			want: history.Report{
				Attempted: 1, Persisted: 1, Broken: 1,
				Violations: []history.Violation{{
					Kind:   history.BrokenPromise,
					Detail: "a was told that nothing happened (503 OVERLOADED), and order 1 is in the ledger",
				}},
			},
		},
		"promised, and refused by the ledger": {
			operations: []history.Operation{operation("a", "1", history.Accepted)},
			final:      history.Final{Rows: []history.Row{row("a", "1", "REFUSED")}, Tiers: tier(10)},
			want: history.Report{
				Attempted: 1, Acknowledged: 1, AcceptedAsync: 1, Broken: 1,
				Violations: []history.Violation{{Kind: history.BrokenPromise, Detail: "a was promised order 1, which the ledger refused"}},
			},
		},
		"two orders for one purchase": {
			operations: []history.Operation{operation("a", "1", history.Accepted), operation("a", "2", history.Accepted)},
			final:      history.Final{Rows: []history.Row{row("a", "1", "CONFIRMED")}, Tiers: tier(8)},
			want: history.Report{
				Attempted: 1, Acknowledged: 1, AcceptedAsync: 1, Persisted: 1, Broken: 1,
				Violations: []history.Violation{{Kind: history.BrokenPromise, Detail: "a was given 2 orders for one purchase: [1 2]"}},
			},
		},
		"another order than the ledger's": {
			operations: []history.Operation{operation("a", "1", history.Accepted)},
			final:      history.Final{Rows: []history.Row{row("a", "7", "CONFIRMED")}, Tiers: tier(8)},
			want: history.Report{
				Attempted: 1, Acknowledged: 1, AcceptedAsync: 1, Persisted: 1, Broken: 1,
				Violations: []history.Violation{{Kind: history.BrokenPromise, Detail: "a was given order [1], the ledger has 7"}},
			},
		},
		"cancelled": {
			reason: "nothing is lost or unexpected, and the seats are back in the pool",
			operations: []history.Operation{
				operation("a", "1", history.Confirmed), cancel("a", "1", history.Accepted),
				operation("b", "2", history.Accepted), cancel("b", "2", history.Unknown), cancel("b", "2", history.Confirmed),
				operation("c", "3", history.Accepted), cancel("c", "3", history.Unknown),
				operation("d", "4", history.Accepted), cancel("d", "4", history.Unknown),
				operation("e", "5", history.Accepted), cancel("e", "5", history.Refused),
				cancel("f", "6", history.Refused),
			},
			final: history.Final{
				Rows: []history.Row{
					row("a", "1", "CANCELLED"), row("b", "2", "CANCELLED"), row("c", "3", "CANCELLED"),
					row("d", "4", "CONFIRMED"), row("e", "5", "CONFIRMED"),
				},
				Tiers: tier(6),
			},
			want: history.Report{Attempted: 5, Acknowledged: 5, AcceptedAsync: 4, Persisted: 2, Cancelled: 3},
		},
		"cancelled, and nobody asked": {
			operations: []history.Operation{operation("a", "1", history.Accepted)},
			final:      history.Final{Rows: []history.Row{row("a", "1", "CANCELLED")}, Tiers: tier(10)},
			want: history.Report{
				Attempted: 1, Acknowledged: 1, AcceptedAsync: 1, Cancelled: 1, Broken: 1,
				Violations: []history.Violation{{Kind: history.BrokenPromise, Detail: "a never asked to cancel order 1, which is CANCELLED"}},
			},
		},
		"another order cancelled than asked": {
			operations: []history.Operation{operation("a", "1", history.Accepted), cancel("a", "9", history.Unknown)},
			final:      history.Final{Rows: []history.Row{row("a", "1", "CANCELLED")}, Tiers: tier(10)},
			want: history.Report{
				Attempted: 1, Acknowledged: 1, AcceptedAsync: 1, Cancelled: 1, Broken: 1,
				Violations: []history.Violation{{Kind: history.BrokenPromise, Detail: "a never asked to cancel order 1, which is CANCELLED"}},
			},
		},
		"cancelled, and told that it was not": {
			operations: []history.Operation{
				operation("a", "1", history.Accepted),
				{
					Action: history.Cancel, Buyer: "a", EventID: "aurora", TierID: "general", Quantity: 2,
					OrderID: "1", Answer: history.Refused, Code: "503 STORE_UNAVAILABLE",
				},
			},
			final: history.Final{Rows: []history.Row{row("a", "1", "CANCELLED")}, Tiers: tier(10)},
			want: history.Report{
				Attempted: 1, Acknowledged: 1, AcceptedAsync: 1, Cancelled: 1, Broken: 1,
				Violations: []history.Violation{{
					Kind:   history.BrokenPromise,
					Detail: "a was told that order 1 was not cancelled (503 STORE_UNAVAILABLE), and it is CANCELLED",
				}},
			},
		},
		"cancellation promised, and not kept": {
			operations: []history.Operation{operation("a", "1", history.Confirmed), cancel("a", "1", history.Accepted)},
			final:      history.Final{Rows: []history.Row{row("a", "1", "CONFIRMED")}, Tiers: tier(8)},
			want: history.Report{
				Attempted: 1, Acknowledged: 1, Persisted: 1, Broken: 1,
				Violations: []history.Violation{{Kind: history.BrokenPromise, Detail: "a was told that order 1 is cancelled, and it is CONFIRMED"}},
			},
		},
		"cancelled, and its order nowhere": {
			operations: []history.Operation{operation("a", "1", history.Confirmed), cancel("a", "1", history.Accepted)},
			final:      history.Final{Tiers: tier(10)},
			want: history.Report{
				Attempted: 1, Acknowledged: 1, Lost: 1,
				Violations: []history.Violation{{Kind: history.Lost, Detail: "a was told CONFIRMED for order 1, which is nowhere"}},
			},
		},
		"cancelled seats that do not come back": {
			operations: []history.Operation{operation("a", "1", history.Confirmed), cancel("a", "1", history.Confirmed)},
			final:      history.Final{Rows: []history.Row{row("a", "1", "CANCELLED")}, Tiers: tier(8)},
			want: history.Report{
				Attempted: 1, Acknowledged: 1, Cancelled: 1, Leaked: 2,
				Violations: []history.Violation{{Kind: history.Leaked, Detail: "aurora/general: 8 in stock and 0 sold make 8 of 10 seats"}},
			},
		},
		"cancelled seats that come back twice": {
			operations: []history.Operation{operation("a", "1", history.Confirmed), cancel("a", "1", history.Confirmed)},
			final:      history.Final{Rows: []history.Row{row("a", "1", "CANCELLED")}, Tiers: tier(12)},
			want: history.Report{
				Attempted: 1, Acknowledged: 1, Cancelled: 1, Leaked: 2,
				Violations: []history.Violation{{Kind: history.Leaked, Detail: "aurora/general: 12 in stock and 0 sold make 12 of 10 seats"}},
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := history.Check(tc.operations, tc.final)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: report (-want +got):\n%s", tc.reason, diff)
			}
			if got.Passed() != (len(tc.want.Violations) == 0) {
				t.Errorf("Passed() = %v with violations %v", got.Passed(), got.Violations)
			}
		})
	}
}

func TestValidity(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	load := func(from, to int) []history.Operation {
		var operations []history.Operation
		for s := from; s < to; s++ {
			operations = append(operations, history.Operation{Invoked: start.Add(time.Duration(s) * time.Second)})
		}
		return operations
	}
	fault := history.Fault{From: start.Add(10 * time.Second), To: start.Add(20 * time.Second)}
	cases := map[string]struct {
		operations []history.Operation
		fault      history.Fault
		want       string
	}{
		"load all the way":    {load(0, 30), fault, ""},
		"fault not seen":      {load(0, 30), history.Fault{}, "the fault was not observed"},
		"no load":             {nil, fault, "no load ran"},
		"no load before":      {load(11, 30), fault, "before"},
		"no load during":      {append(load(0, 9), load(21, 30)...), fault, "during"},
		"no load after":       {load(0, 19), fault, "after"},
		"too little, outside": {append(load(0, 1), load(9, 30)...), fault, "before"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := history.Validity(tc.operations, tc.fault, 0.9)
			if (tc.want == "") != (got == "") || !strings.Contains(got, tc.want) {
				t.Errorf("Validity = %q, want %q in it", got, tc.want)
			}
		})
	}
}

func TestWriteReadRoundTrip(t *testing.T) {
	t.Parallel()
	want := []history.Operation{operation("a", "1", history.Accepted), operation("b", "", history.Unknown), cancel("a", "1", history.Confirmed)}
	var file bytes.Buffer
	if err := history.Write(&file, want); err != nil {
		t.Fatal(err)
	}
	got, err := history.Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("round trip (-want +got):\n%s", diff)
	}
	if _, err := history.Read(strings.NewReader("{}\nnot json\n")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("Read of a broken second line = %v, want an error that names line 2", err)
	}
}
