package password_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eventflow-dev/eventflow/services/internal/password"
)

const good = "correct horse battery staple"

// Hashes of "password" from the test of argon2's reference implementation, each weaker
// than today's in something.
var reference = map[string]string{
	"few passes":              "$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$9qWtwbpyPd3vm1rB1GThgPzZ3/ydHL92zKL+15XZypg",
	"little memory":           "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
	"little memory, parallel": "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
}

func hash(t *testing.T, h *password.Hasher) string {
	t.Helper()
	hashed, err := h.Hash(t.Context(), good)
	if err != nil {
		t.Fatalf("Hash: %v", err)
	}
	return hashed
}

func TestPasswordHashing(t *testing.T) {
	t.Parallel()
	h := password.New(0)
	hashed := hash(t, h)
	form := regexp.MustCompile(`^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`)
	if !form.MatchString(hashed) {
		t.Errorf("password hashing made %q", hashed)
	}
	if again := hash(t, h); again == hashed {
		t.Error("password hashing twice made the same: the salt is not new")
	}
	cases := map[string]struct {
		password string
		want     error
	}{
		"password hashing: the password":   {good, nil},
		"password hashing: another":        {good + "!", password.ErrMismatch},
		"password hashing: another case":   {strings.ToUpper(good), password.ErrMismatch},
		"password hashing: none":           {"", password.ErrMismatch},
		"password hashing: a far too long": {strings.Repeat("x", 1<<20), password.ErrMismatch},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rehash, err := h.Verify(t.Context(), hashed, tc.password)
			if !errors.Is(err, tc.want) || rehash {
				t.Errorf("Verify is (%v, %v), want %v and no rehash", rehash, err, tc.want)
			}
		})
	}
}

func TestPasswordHashingLimits(t *testing.T) {
	t.Parallel()
	h := password.New(0)
	cases := map[string]struct {
		password string
		want     error
	}{
		"too short":                    {strings.Repeat("x", password.MinLength-1), password.ErrLength},
		"too short, but in many bytes": {strings.Repeat("ñ", password.MinLength-1), password.ErrLength},
		"as short as may be":           {strings.Repeat("ñ", password.MinLength), nil},
		"as long as may be":            {strings.Repeat("🎟", password.MaxLength), nil},
		"too long":                     {strings.Repeat("x", password.MaxLength+1), password.ErrLength},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hashed, err := h.Hash(t.Context(), tc.password)
			if !errors.Is(err, tc.want) {
				t.Fatalf("error is %v, want %v", err, tc.want)
			}
			if err != nil {
				return
			}
			if _, err := h.Verify(t.Context(), hashed, tc.password); err != nil {
				t.Errorf("Verify: %v", err)
			}
		})
	}
}

func TestPasswordHashingIsAskedForAnew(t *testing.T) {
	t.Parallel()
	h := password.New(0)
	for name, hashed := range reference {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if rehash, err := h.Verify(t.Context(), hashed, "password"); err != nil || !rehash {
				t.Errorf("Verify is (%v, %v), want a rehash", rehash, err)
			}
			if _, err := h.Verify(t.Context(), hashed, "Password"); !errors.Is(err, password.ErrMismatch) {
				t.Errorf("Verify of another password: %v", err)
			}
		})
	}
}

func TestPasswordHashingRefusesOtherHashes(t *testing.T) {
	t.Parallel()
	h := password.New(0)
	hashed := hash(t, h)
	cases := map[string]string{
		"plain text":               good,
		"another algorithm":        strings.Replace(hashed, "argon2id", "argon2i", 1),
		"another version":          strings.Replace(hashed, "v=19", "v=16", 1),
		"too much memory":          strings.Replace(hashed, "m=19456", "m=1048576", 1),
		"too much time":            strings.Replace(hashed, "t=2", "t=1000000", 1),
		"too many threads":         strings.Replace(hashed, "p=1", "p=255", 1),
		"no work":                  strings.Replace(hashed, "t=2", "t=0", 1),
		"a negative number":        strings.Replace(hashed, "t=2", "t=-2", 1),
		"parameters out of order":  strings.Replace(hashed, "m=19456,t=2", "t=2,m=19456", 1),
		"a parameter missing":      strings.Replace(hashed, ",p=1", "", 1),
		"a field too many":         hashed + "$x",
		"an empty tag":             hashed[:strings.LastIndex(hashed, "$")+1],
		"a tag that is not base64": hashed[:len(hashed)-1] + "!",
		"a tag that is cut":        hashed[:len(hashed)-30],
	}
	for name, spoilt := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := h.Verify(t.Context(), spoilt, good); !errors.Is(err, password.ErrMalformed) {
				t.Errorf("error is %v, want ErrMalformed", err)
			}
		})
	}
}

// An account that does not exist must take as long to refuse as one that does.
func TestPasswordHashingForNobody(t *testing.T) {
	t.Parallel()
	h := password.New(1)
	for name, candidate := range map[string]string{"any password": good, "the empty password": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			if _, err := h.Verify(t.Context(), "", candidate); !errors.Is(err, password.ErrMismatch) {
				t.Errorf("error is %v, want ErrMismatch", err)
			}
			if took := time.Since(began); took < 5*time.Millisecond {
				t.Errorf("refused in %s: nothing was computed", took)
			}
		})
	}
}

// Waiting for a slot ends with the caller's patience.
func TestPasswordHashingIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := password.New(1)
		release := h.Occupy()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := h.Hash(ctx, good); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error is %v, want the context's", err)
		}
		release()
		if _, err := h.Verify(t.Context(), hash(t, h), good); err != nil {
			t.Errorf("Verify with a free slot: %v", err)
		}
	})
}

func FuzzVerify(f *testing.F) {
	f.Add("m=8,t=1,p=1", "c29tZXNhbHQ", "AAAAAAAAAAAAAAAAAAAAAA")
	f.Add("m=0,t=1,p=1", "", "")
	h := password.New(1)
	f.Fuzz(func(t *testing.T, params, salt, tag string) {
		if len(params) > len("m=999,t=9,p=9") {
			return // more work than a fuzzer should do
		}
		if _, err := h.Verify(t.Context(), "$argon2id$v=19$"+params+"$"+salt+"$"+tag, good); err == nil {
			t.Errorf("%s %s %s matches", params, salt, tag)
		}
	})
}
