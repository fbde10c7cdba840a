// Package password hashes and verifies passwords with argon2id, so that a stolen hash is
// expensive to guess from, and hashing itself cannot exhaust the process. It must not
// know accounts, stores or HTTP.
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// The bounds of a new password, in characters: NIST SP 800-63B asks for 15 where the
// password is the only factor, and an upper bound keeps hashing from being an attack.
const (
	MinLength = 15
	MaxLength = 128
)

// maxBytes bounds what is hashed: MaxLength characters of four bytes.
const maxBytes = 4 * MaxLength

var (
	// ErrLength says that a new password is too short or too long.
	ErrLength = errors.New("password must have 15 to 128 characters")
	// ErrMismatch says that a password is not the one that was hashed.
	ErrMismatch = errors.New("password does not match")
	// ErrMalformed says that a stored hash cannot be used: it is not one, or it asks for
	// more work than this package is willing to do.
	ErrMalformed = errors.New("password hash is malformed")
)

// DefaultConcurrency is how many hashes are computed at a time where nothing else is
// said: each takes 19 MiB.
const DefaultConcurrency = 2

// Hasher hashes and verifies, a bounded number at a time. It is safe for concurrent use.
type Hasher struct{ slots chan struct{} }

// New returns a Hasher that computes at most concurrency hashes at a time; zero or less
// means DefaultConcurrency.
func New(concurrency int) *Hasher {
	if concurrency < 1 {
		concurrency = DefaultConcurrency
	}
	return &Hasher{slots: make(chan struct{}, concurrency)}
}

// Hash returns the password's hash, with a new salt, as a PHC string. Its errors wrap
// ErrLength, or ctx's error where its turn did not come in time.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if n := utf8.RuneCountInString(password); n < MinLength || n > MaxLength {
		return "", ErrLength
	}
	e := encoded{params: current, salt: make([]byte, saltLength)}
	// Read never fails: it ends the process where the system has no randomness.
	_, _ = rand.Read(e.salt)
	var err error
	e.tag, err = h.derive(ctx, password, e)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return e.String(), nil
}

// Verify returns nil where the password is the one that was hashed, and whether it
// should be hashed anew because the hash is weaker than today's. Its errors wrap
// ErrMismatch, ErrMalformed, or ctx's error where its turn did not come in time.
//
// The empty hash, which is that of an account that does not exist, takes as long as
// any other and never matches: answers must not tell which accounts there are.
func (h *Hasher) Verify(ctx context.Context, hash, password string) (rehash bool, err error) {
	e := encoded{params: current, salt: make([]byte, saltLength)}
	if hash != "" {
		if e, err = parse(hash); err != nil {
			return false, err
		}
	}
	if len(password) > maxBytes {
		return false, ErrMismatch
	}
	tag, err := h.derive(ctx, password, e)
	if err != nil {
		return false, fmt.Errorf("verify password: %w", err)
	}
	if subtle.ConstantTimeCompare(tag, e.tag) != 1 {
		return false, ErrMismatch
	}
	return e.weaker(), nil
}

// derive computes the tag once there is a free slot.
func (h *Hasher) derive(ctx context.Context, password string, e encoded) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	length := len(e.tag)
	if length == 0 {
		length = tagLength
	}
	return argon2.IDKey([]byte(password), e.salt, e.time, e.memory, e.threads, uint32(length)), nil
}
