package history

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// WriteFinal writes the state of the stores as JSON.
func WriteFinal(w io.Writer, final Final) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(final); err != nil {
		return fmt.Errorf("write the final state: %w", err)
	}
	return nil
}

// ReadFinal reads what WriteFinal wrote. It refuses fields that it does not know, text
// after the document, and a document without tiers: what a checker passes over, it passes.
func ReadFinal(r io.Reader) (Final, error) {
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	var final Final
	if err := decoder.Decode(&final); err != nil {
		return Final{}, fmt.Errorf("read the final state: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Final{}, errors.New("read the final state: there is more after the JSON document")
	}
	if len(final.Tiers) == 0 {
		return Final{}, errors.New("read the final state: it has no tiers, without which nothing can be counted")
	}
	return final, nil
}
