package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/eventflow-dev/eventflow/services/purchase/receipt"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

func signer(t *testing.T, fill byte) *receipt.Signer {
	t.Helper()
	s, err := receipt.NewSigner(bytes.Repeat([]byte{fill}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sign(t *testing.T, s *receipt.Signer) string {
	t.Helper()
	token, err := s.Sign(ticketing.Order{
		ID: "01a20aed-685d-7afd-aa8c-4e83cfeac4ce", EventID: "aurora", TierID: "general", Quantity: 2,
		Total: ticketing.Money{Amount: 9000, Currency: "EUR"}, PlacedAt: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
	})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// boxOffice shows the keys at their path, and nothing else.
func boxOffice(t *testing.T, jwks []byte) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != keysPath {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(jwks)
	}))
	t.Cleanup(func() {
		server.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return server.URL
}

func TestVerifySaysWhatTheReceiptSays(t *testing.T) {
	t.Parallel()
	s := signer(t, 1)
	token, keys, office := sign(t, s), file(t, "keys.json", string(s.JWKS())), boxOffice(t, s.JWKS())
	says := []string{"valid", "01a20aed-685d-7afd-aa8c-4e83cfeac4ce", "aurora", "general", "9000", "EUR"}
	cli(t, "", "", "receipt", "verify", token, "--keys", keys).want(t, exitOK, append(says, "2026-11-23T12:00:00Z")...)
	cli(t, "", "", "receipt", "verify", token, "--url", office).want(t, exitOK, says...)
	cli(t, "", "", "receipt", "verify", token, "--url", office+"/").want(t, exitOK, says...)
	cli(t, token+"\n", "", "receipt", "verify", "--keys", keys).want(t, exitOK, says...)
	r := cli(t, token, "", "receipt", "verify", "-", "--keys", keys, "--output", "json")
	r.want(t, exitOK)
	var v verdict
	if err := json.Unmarshal([]byte(r.out), &v); err != nil || !v.Valid || v.Receipt.Quantity != 2 {
		t.Errorf("answer %s, %v", r.out, err)
	}
}

func TestVerifyRefusesWithAReason(t *testing.T) {
	t.Parallel()
	s := signer(t, 1)
	good := sign(t, s)
	keys := file(t, "keys.json", string(s.JWKS()))
	others := file(t, "others.json", string(signer(t, 2).JWKS()))
	parts := strings.Split(good, ".")
	known, err := receipt.ParseKeys(s.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	forged := func(method jwt.SigningMethod, secret func(id string) any) string {
		token := jwt.NewWithClaims(method, jwt.MapClaims{"iss": receipt.Issuer, "order": "x", "quantity": 99})
		signed := ""
		for id := range known {
			token.Header["kid"] = id
			if signed, err = token.SignedString(secret(id)); err != nil {
				t.Fatal(err)
			}
		}
		return signed
	}
	cases := map[string]struct{ token, keys, want string }{
		"changed claims": {
			parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"eventflow","quantity":99}`)) + "." + parts[2],
			keys, "signature is invalid",
		},
		"a changed signature":          {good[:len(good)-8] + "AAAAAAAA", keys, "signature is invalid"},
		"an unknown key":               {good, others, "is not known"},
		"no algorithm":                 {forged(jwt.SigningMethodNone, func(string) any { return jwt.UnsafeAllowNoneSignatureType }), keys, "signing method none is invalid"},
		"the public key as a secret":   {forged(jwt.SigningMethodHS256, func(id string) any { return []byte(known[id]) }), keys, "signing method HS256 is invalid"},
		"the public keys' file as one": {forged(jwt.SigningMethodHS256, func(string) any { return s.JWKS() }), keys, "signing method HS256 is invalid"},
		"no token":                     {"hello", keys, "malformed"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := cli(t, "", "", "receipt", "verify", tc.token, "--keys", tc.keys)
			r.want(t, exitNo, "not a valid receipt", tc.want)
			if r.out != "" {
				t.Errorf("a receipt that is none says %s", r.out)
			}
			cli(t, tc.token, "", "receipt", "verify", "--keys", tc.keys, "-o", "json").want(t, exitNo, `"valid": false`, `"reason"`)
		})
	}
}

func TestVerifyWithoutKeysCannotTell(t *testing.T) {
	t.Parallel()
	s := signer(t, 1)
	token, keys := sign(t, s), file(t, "keys.json", string(s.JWKS()))
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	cases := map[string]struct {
		in   string
		args []string
		want string
	}{
		"no such file":       {token, []string{"--keys", filepath.Join(t.TempDir(), "none.json")}, "no such file"},
		"a file of no keys":  {token, []string{"--keys", file(t, "k.json", `{"keys":[]}`)}, "no Ed25519 key"},
		"not a key file":     {token, []string{"--keys", file(t, "k.json", `hello`)}, "parse receipt keys"},
		"nobody there":       {token, []string{"--url", dead.URL}, "refused"},
		"another site":       {token, []string{"--url", boxOffice(t, nil) + "/shop"}, "404"},
		"not a URL":          {token, []string{"--url", "tickets.example.com"}, "https://"},
		"an empty receipt":   {" \n", []string{"--keys", keys}, "no receipt"},
		"not a URL at all":   {token, []string{"--url", "::"}, "https://"},
		"a URL of something": {token, []string{"--url", "ftp://tickets.example.com"}, "https://"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cli(t, tc.in, "", append([]string{"receipt", "verify"}, tc.args...)...).want(t, exitUnknown, tc.want)
		})
	}
}

func TestSavedKeysVerifyWithoutTheBoxOffice(t *testing.T) {
	t.Parallel()
	s := signer(t, 1)
	saved := filepath.Join(t.TempDir(), "keys.json")
	office := boxOffice(t, s.JWKS())
	cli(t, "", "", "receipt", "keys", "--url", office, "--save", saved).want(t, exitOK, "saved 1 receipt keys")
	cli(t, "", "", "receipt", "keys", "--url", office).want(t, exitOK, string(s.JWKS()))
	cli(t, "", "", "receipt", "verify", sign(t, s), "--keys", saved).want(t, exitOK, "aurora")

	// What cannot be read as keys does not replace those that were saved.
	cli(t, "", "", "receipt", "keys", "--url", boxOffice(t, []byte("<html>")), "--save", saved).want(t, exitUnknown, "parse receipt keys")
	if content, err := os.ReadFile(saved); err != nil || !bytes.Equal(content, s.JWKS()) {
		t.Errorf("the saved keys are %s, %v", content, err)
	}
	cli(t, "", "", "receipt", "keys", "--url", office, "--save", filepath.Join(t.TempDir(), "no", "keys.json")).want(t, exitUnknown, "save the receipt keys")
}
