package ticketing_test

import (
	"net/mail"
	"strings"
	"testing"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

func TestValidEmail(t *testing.T) {
	t.Parallel()
	label := strings.Repeat("a", 63)
	cases := map[string]bool{
		"ada@example.com":                                          true,
		"ada.lovelace+tickets@mail.example.org":                    true,
		"o'neil@example.com":                                       true,
		"a|b@example.com":                                          true,
		"ADA@EXAMPLE.COM":                                          true,
		"1@xn--bcher-kva.example":                                  true,
		strings.Repeat("a", 64) + "@example.com":                   true,
		"a@" + label + "." + label + "." + label + ".aaaaaaaa.com": true,
		"": false, "ada": false, "@example.com": false, "ada@": false, "ada@example": false,
		"ada@@example.com": false, "ada@example..com": false, "ada@.example.com": false, "ada@example.com.": false,
		"ada@-example.com": false, "ada@exam_ple.com": false,
		".ada@example.com": false, "ada.@example.com": false, "a..da@example.com": false,
		"ada lovelace@example.com": false, "ada@exa mple.com": false, `"ada"@example.com`: false,
		"ada@example.com\r\nBcc: all@example.com": false, "ada\x00@example.com": false, "ada<x>@example.com": false,
		"адa@example.com": false, "ada@exämple.com": false,
		strings.Repeat("a", 65) + "@example.com":                        false,
		"a@" + label + "." + label + "." + label + "." + label + ".com": false,
	}
	for address, want := range cases {
		if got := ticketing.ValidEmail(address); got != want {
			t.Errorf("ValidEmail(%q) = %v", address, got)
		}
	}
}

func FuzzValidEmail(f *testing.F) {
	for _, seed := range []string{"ada@example.com", "a@b.c", "ada@example", "x@y.z\r\nBcc: a@b.c", `"a b"@c.d`, "a@b@c.d"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		if !ticketing.ValidEmail(address) {
			return
		}
		if strings.ContainsAny(address, " \r\n\t\x00<>\"") || strings.Count(address, "@") != 1 || len(address) > 254 {
			t.Errorf("%q was taken", address)
		}
		if parsed, err := mail.ParseAddress(address); err != nil || parsed.Address != address {
			t.Errorf("net/mail reads %q as %v, %v", address, parsed, err)
		}
	})
}
