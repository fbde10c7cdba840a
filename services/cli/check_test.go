package main

import (
	"path/filepath"
	"testing"
)

const confirmed = `{"buyer":"a","event_id":"aurora","tier":"general","quantity":2,"order_id":"1","answer":"CONFIRMED"}` + "\n"

func TestCheck(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		history, final string
		code           int
		want           []string
	}{
		"all is well": {
			confirmed,
			`{"rows":[{"order_id":"1","buyer":"a","event_id":"aurora","tier":"general","quantity":2,"state":"CONFIRMED"}],
			  "tiers":[{"event_id":"aurora","tier":"general","capacity":10,"stock":8}]}`,
			exitOK,
			[]string{"attempted 1", "acknowledged 1", "lost 0"},
		},
		"every violation is named": {
			confirmed,
			`{"rows":[{"order_id":"9","buyer":"ghost\u001b","event_id":"aurora","tier":"general","quantity":3,"state":"CONFIRMED"}],
			  "tiers":[{"event_id":"aurora","tier":"general","capacity":2,"stock":0}]}`,
			exitNo,
			[]string{
				"lost: a was told CONFIRMED for order 1, which is nowhere", "unexpected: ghost· never asked for order 9",
				"oversold: aurora/general has 2 seats, 3 are sold", "leaked: ", "4 promises were broken",
			},
		},
		"no history":          {"", `{"tiers":[{"event_id":"aurora","tier":"general","capacity":2,"stock":2}]}`, exitUnknown, []string{"proves nothing"}},
		"a broken history":    {confirmed + "{", `{}`, exitUnknown, []string{"history line 2"}},
		"a final state amiss": {confirmed, `{"rwos":[]}`, exitUnknown, []string{"final.json", "rwos"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := cli(t, "", "", "check", file(t, "history.jsonl", tc.history), "--final", file(t, "final.json", tc.final))
			r.want(t, tc.code, tc.want...)
		})
	}
	cli(t, "", "", "check", filepath.Join(t.TempDir(), "none"), "--final", "none").want(t, exitUnknown, "no such file")
}
