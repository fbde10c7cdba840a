package receipt_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

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

func order() ticketing.Order {
	return ticketing.Order{
		ID: "0198c5f0-0000-8000-8000-000000000001", EventID: "aurora", TierID: "general", Quantity: 2,
		Buyer: ticketing.Buyer{Email: "ada@example.com", Name: "Ada"}, Total: ticketing.Money{Amount: 9000, Currency: "EUR"},
		PlacedAt: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
	}
}

func keys(t *testing.T, s *receipt.Signer) receipt.Keys {
	t.Helper()
	k, err := receipt.ParseKeys(s.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestReceiptSaysWhatWasOrdered(t *testing.T) {
	t.Parallel()
	s := signer(t, 1)
	token, err := s.Sign(order())
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.Sign(order())
	if err != nil || again != token {
		t.Errorf("the same order has another receipt: %v", err)
	}
	got, err := receipt.Verify(token, keys(t, s))
	if err != nil {
		t.Fatal(err)
	}
	o := order()
	want := receipt.Claims{
		OrderID: o.ID, EventID: o.EventID, TierID: o.TierID, Quantity: o.Quantity, Total: o.Total,
		RegisteredClaims: jwt.RegisteredClaims{Issuer: receipt.Issuer, IssuedAt: jwt.NewNumericDate(o.PlacedAt)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	body, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil || bytes.Contains(body, []byte("ada")) {
		t.Errorf("receipt names the buyer: %s %v", body, err)
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	s := signer(t, 1)
	good, err := s.Sign(order())
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	forged := func(method jwt.SigningMethod, key any) string {
		token := jwt.NewWithClaims(method, jwt.MapClaims{"iss": receipt.Issuer, "order": "x"})
		for id := range keys(t, s) {
			token.Header["kid"] = id
		}
		signed, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	cases := map[string]struct {
		token string
		keys  receipt.Keys
	}{
		"empty":                        {"", keys(t, s)},
		"another signer's keys":        {good, keys(t, signer(t, 2))},
		"changed claims":               {parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"eventflow","quantity":99}`)) + "." + parts[2], keys(t, s)},
		"cut signature":                {good[:len(good)-4], keys(t, s)},
		"no algorithm":                 {forged(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType), keys(t, s)},
		"public key as an HMAC secret": {forged(jwt.SigningMethodHS256, s.JWKS()), keys(t, s)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := receipt.Verify(tc.token, tc.keys); !errors.Is(err, receipt.ErrInvalid) {
				t.Errorf("Verify = %v, want ErrInvalid", err)
			}
		})
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	if _, err := receipt.NewSigner([]byte("short")); err == nil {
		t.Error("a short seed was taken")
	}
	cases := map[string]struct {
		jwks    string
		want    int
		wantErr bool
	}{
		"other kinds are left out": {`{"keys":[{"kty":"RSA","kid":"r"},{"kty":"OKP","crv":"X25519","kid":"x"}]}`, 0, false},
		"not JSON":                 {`keys`, 0, true},
		"short point":              {`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAA","kid":"k"}]}`, 0, true},
		"not base64":               {`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"?","kid":"k"}]}`, 0, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := receipt.ParseKeys([]byte(tc.jwks))
			if (err != nil) != tc.wantErr || len(got) != tc.want {
				t.Errorf("ParseKeys = %v, %v", got, err)
			}
		})
	}
}

func FuzzVerify(f *testing.F) {
	s, err := receipt.NewSigner(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		f.Fatal(err)
	}
	known, err := receipt.ParseKeys(s.JWKS())
	if err != nil {
		f.Fatal(err)
	}
	good, err := s.Sign(order())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, token string) {
		claims, err := receipt.Verify(token, known)
		if err == nil && claims.OrderID != order().ID {
			t.Errorf("a token nobody signed was taken: %q", token)
		}
	})
}

func BenchmarkSign(b *testing.B) {
	s, err := receipt.NewSigner(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		b.Fatal(err)
	}
	o := order()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Sign(o); err != nil {
			b.Fatal(err)
		}
	}
}
