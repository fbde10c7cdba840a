package httpapi

import (
	"bytes"
	"encoding/json"
	"iter"
)

// members yields each member of a JSON object that is known to be valid: its name and
// its value as it is written. encoding/json alone cannot tell a name that is given twice,
// matches names whatever their case, and stops at the first wrong type.
func members(object []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		rest := skipSpace(object[1:])
		for rest[0] != '}' {
			name := rest[:stringEnd(rest)]
			rest = skipSpace(rest[len(name):])
			rest = skipSpace(rest[1:]) // the colon
			value := rest[:valueEnd(rest)]
			if !yield(unquote(name), value) {
				return
			}
			rest = skipSpace(rest[len(value):])
			if rest[0] == ',' {
				rest = skipSpace(rest[1:])
			}
		}
	}
}

func skipSpace(b []byte) []byte { return bytes.TrimLeft(b, " \t\r\n") }

// stringEnd returns the length of the string that b begins with, quotes included.
func stringEnd(b []byte) int {
	for i := 1; ; i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// valueEnd returns the length of the value that b begins with.
func valueEnd(b []byte) int {
	switch b[0] {
	case '"':
		return stringEnd(b)
	case '{', '[':
		return nestedEnd(b)
	default:
		return bytes.IndexAny(b, ",} \t\r\n")
	}
}

// nestedEnd returns the length of the object or array that b begins with.
func nestedEnd(b []byte) int {
	depth := 0
	for i := 0; ; i++ {
		switch b[i] {
		case '"':
			i += stringEnd(b[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			depth--
			if depth == 0 {
				return i + 1
			}
		}
	}
}

// unquote returns the string that a valid JSON string stands for.
func unquote(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		return string(quoted) // it is valid: see members
	}
	return s
}
