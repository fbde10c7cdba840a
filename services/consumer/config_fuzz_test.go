package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// FuzzCatalog: whatever the catalog's file holds is read the same way each time, or refused.
func FuzzCatalog(f *testing.F) {
	for _, seed := range []string{catalogJSON, `[]`, `null`, `{}`, `[{"tiers":null}]`, `[{"starts_at":"tomorrow"}]`, `[1]`, ``} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var first, second Catalog
		errFirst, errSecond := first.UnmarshalText(text), second.UnmarshalText(text)
		if (errFirst == nil) != (errSecond == nil) || !cmp.Equal(first, second) {
			t.Fatalf("read twice: %v (%v) and %v (%v)", first, errFirst, second, errSecond)
		}
		if errFirst != nil && first != nil {
			t.Fatalf("refused with %v, and left %v", errFirst, first)
		}
		if ticketing.ValidateCatalog(first) != nil {
			return
		}
		for _, e := range first {
			if !ticketing.ValidID(e.ID) || len(e.Tiers) == 0 {
				t.Errorf("a catalog with %+v passes for valid", e)
			}
		}
	})
}
