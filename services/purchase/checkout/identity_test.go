package checkout_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

func TestIdentity(t *testing.T) {
	t.Parallel()
	if _, err := checkout.NewIdentity([]byte("short")); err == nil {
		t.Error("a short secret was taken")
	}
	identity := func(fill byte) checkout.Identity {
		i, err := checkout.NewIdentity(bytes.Repeat([]byte{fill}, 32))
		must(t, err)
		return i
	}
	id := func(i checkout.Identity, email string, key checkout.Key) ticketing.OrderID {
		got, err := i.OrderID(email, key)
		must(t, err)
		return got
	}
	one := id(identity(1), "ada@example.com", "k")
	if diff := cmp.Diff(ticketing.OrderID("3d3bd863-f5f4-83ba-b4d5-2123377c6955"), one); diff != "" {
		t.Errorf("the id of a key must never change (-want +got):\n%s", diff)
	}
	others := map[string]ticketing.OrderID{
		"secret":               id(identity(2), "ada@example.com", "k"),
		"buyer":                id(identity(1), "eda@example.com", "k"),
		"key":                  id(identity(1), "ada@example.com", "K"),
		"border between parts": id(identity(1), "ada@example.co", "mk"),
		"no key":               id(identity(1), "ada@example.com", ""),
	}
	for name, other := range others {
		if other == one {
			t.Errorf("another %s has the same id", name)
		}
	}
	if v7 := others["no key"]; v7[14] != '7' || v7 == id(identity(1), "ada@example.com", "") {
		t.Errorf("id without a key is %s, want a new UUIDv7 each time", v7)
	}
}
