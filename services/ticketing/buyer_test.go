package ticketing_test

import (
	"testing"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// TestDigest: one buyer, however the address is spelt, and nothing of the address.
func TestDigest(t *testing.T) {
	t.Parallel()
	digest := func(email string) string { return ticketing.Buyer{Email: email}.Digest() }
	want := digest("ada@example.com")
	for _, same := range []string{"Ada@Example.com", "ADA@EXAMPLE.COM", " ada@example.com\t"} {
		if got := digest(same); got != want {
			t.Errorf("Digest(%q) = %s, want %s", same, got, want)
		}
	}
	for _, other := range []string{"", "ad@example.com", "a.da@example.com", "ada+1@example.com", "ada@example.org"} {
		if got := digest(other); got == want {
			t.Errorf("Digest(%q) is ada's", other)
		}
	}
	if want != "tfyF5VdV-eDQMKEKtEKbaw" {
		t.Errorf("Digest = %s: what is counted under the old ones would be forgotten", want)
	}
}
