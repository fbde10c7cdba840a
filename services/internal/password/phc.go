package password

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

const (
	saltLength = 16
	tagLength  = 32
)

// params is how much work a hash is.
type params struct {
	// memory is in KiB.
	memory  uint32
	time    uint32
	threads uint8
}

// current is the least that OWASP's Password Storage Cheat Sheet recommends for argon2id.
var current = params{memory: 19 * 1024, time: 2, threads: 1}

// The bounds of a stored hash that is verified. Whoever can write a hash must not be
// able to make its verification an attack.
const (
	maxMemory    = 64 * 1024
	maxTime      = 8
	maxThreads   = 4
	maxRawLength = 64
)

// encoded is a parsed PHC string.
type encoded struct {
	params
	salt []byte
	tag  []byte
}

// String renders the PHC string: $argon2id$v=19$m=19456,t=2,p=1$salt$tag.
func (e encoded) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, e.memory, e.time, e.threads,
		base64.RawStdEncoding.EncodeToString(e.salt), base64.RawStdEncoding.EncodeToString(e.tag))
}

// weaker reports whether a hash made today would be more work to guess from.
func (e encoded) weaker() bool {
	return e.memory < current.memory || e.time < current.time || len(e.salt) < saltLength || len(e.tag) < tagLength
}

// parse reads a PHC string. It does not repeat any of it in its errors.
func parse(hash string) (encoded, error) {
	fields := strings.Split(hash, "$")
	if len(fields) != 6 || fields[0] != "" || fields[1] != "argon2id" {
		return encoded{}, fmt.Errorf("%w: not an argon2id PHC string", ErrMalformed)
	}
	if fields[2] != "v="+strconv.Itoa(argon2.Version) {
		return encoded{}, fmt.Errorf("%w: unknown version", ErrMalformed)
	}
	var e encoded
	var err error
	if e.params, err = parseParams(fields[3]); err != nil {
		return encoded{}, err
	}
	if e.salt, err = parseRaw(fields[4], 8); err != nil {
		return encoded{}, err
	}
	if e.tag, err = parseRaw(fields[5], 16); err != nil {
		return encoded{}, err
	}
	return e, nil
}

func parseParams(field string) (params, error) {
	values := strings.Split(field, ",")
	names := []string{"m=", "t=", "p="}
	limits := []uint64{maxMemory, maxTime, maxThreads}
	if len(values) != len(names) {
		return params{}, fmt.Errorf("%w: parameters are not m, t, p", ErrMalformed)
	}
	var numbers [3]uint64
	for i, name := range names {
		text, found := strings.CutPrefix(values[i], name)
		n, err := strconv.ParseUint(text, 10, 32)
		if !found || err != nil || n < 1 || n > limits[i] {
			return params{}, fmt.Errorf("%w: parameter %q is not from 1 to %d", ErrMalformed, name, limits[i])
		}
		numbers[i] = n
	}
	return params{memory: uint32(numbers[0]), time: uint32(numbers[1]), threads: uint8(numbers[2])}, nil
}

func parseRaw(field string, least int) ([]byte, error) {
	raw, err := base64.RawStdEncoding.Strict().DecodeString(field)
	if err != nil || len(raw) < least || len(raw) > maxRawLength {
		return nil, fmt.Errorf("%w: salt or tag is not %d to %d bytes in base64", ErrMalformed, least, maxRawLength)
	}
	return raw, nil
}
