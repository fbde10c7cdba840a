package ticketing

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// ValidEmail reports whether address can be an e-mail address: one "@" with text on
// both sides, a dotted domain of letters, digits and hyphens, printable ASCII
// without spaces or the characters that would need quoting, at most 254 octets
// (RFC 5321, 4.5.3.1). Whether it takes mail only the mail shows.
func ValidEmail(address string) bool {
	local, domain, found := strings.Cut(address, "@")
	if !found || len(address) > 254 || local == "" || len(local) > 64 || !strings.Contains(domain, ".") {
		return false
	}
	for _, c := range local {
		if c <= ' ' || c > '~' || strings.ContainsRune(`"(),:;<>@[\]`, c) {
			return false
		}
	}
	if strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, "..") {
		return false
	}
	for label := range strings.SplitSeq(domain, ".") {
		if !ValidID(strings.ToLower(label)) {
			return false
		}
	}
	return true
}

// plainText reports whether s is valid UTF-8 of at most limit characters, none of
// them a control character: what may stand in a mail header or a log line.
func plainText(s string, limit int) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= limit &&
		!strings.ContainsFunc(s, unicode.IsControl)
}
