package history

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Action is what a client asks for.
type Action string

// The actions.
const (
	// Purchase buys seats. It is the one that a history does not name.
	Purchase Action = ""
	// Cancel gives back the seats of the order that the operation names.
	Cancel Action = "cancel"
)

// Answer is what a client may conclude from how its request ended.
type Answer string

// The answers.
const (
	// Confirmed: 201, the order is in the ledger; for a cancellation 200, the ledger has
	// it as CANCELLED.
	Confirmed Answer = "CONFIRMED"
	// Accepted: 202, the order, or its cancellation, is durable and will be in the ledger.
	Accepted Answer = "ACCEPTED_ASYNC"
	// Refused: nothing happened and, for this attempt, nothing will.
	Refused Answer = "REFUSED"
	// Unknown: no answer, a broken connection, or OUTCOME_UNKNOWN.
	Unknown Answer = "UNKNOWN"
)

// Acknowledged reports whether the answer promises that the ledger has or will have it.
func (a Answer) Acknowledged() bool { return a == Confirmed || a == Accepted }

// Operation is one request of one client. A retry is an operation of its own with
// the same Buyer.
type Operation struct {
	Action Action `json:"action,omitempty"`
	// Buyer names the purchase: no two purchases of a history share one. It is the
	// e-mail address that the ledger keeps.
	Buyer    string `json:"buyer"`
	EventID  string `json:"event_id"`
	TierID   string `json:"tier"`
	Quantity int    `json:"quantity"`
	// OrderID is what the answer named, "" where it named none; of a cancellation the order
	// that was to be cancelled.
	OrderID string `json:"order_id,omitempty"`
	Answer  Answer `json:"answer"`
	// Code is the HTTP status and, for a problem, its code: "503 OVERLOADED".
	Code      string    `json:"code,omitempty"`
	Node      string    `json:"node,omitempty"`
	Invoked   time.Time `json:"invoked"`
	Completed time.Time `json:"completed"`
}

// Row is one order as the ledger has it.
type Row struct {
	OrderID  string `json:"order_id"`
	Buyer    string `json:"buyer"`
	EventID  string `json:"event_id"`
	TierID   string `json:"tier"`
	Quantity int    `json:"quantity"`
	// State is CONFIRMED, REFUSED or CANCELLED.
	State string `json:"state"`
}

// Write writes operations as JSON lines.
func Write(w io.Writer, operations []Operation) error {
	encoder := json.NewEncoder(w)
	for i, op := range operations {
		if err := encoder.Encode(op); err != nil {
			return fmt.Errorf("write operation %d: %w", i, err)
		}
	}
	return nil
}

// maxLine bounds one operation's line.
const maxLine = 64 << 10

// Read reads what Write wrote. An error names the line.
func Read(r io.Reader) ([]Operation, error) {
	var operations []Operation
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		var op Operation
		if err := json.Unmarshal(lines.Bytes(), &op); err != nil {
			return nil, fmt.Errorf("history line %d: %w", n, err)
		}
		operations = append(operations, op)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read history after line %d: %w", len(operations), err)
	}
	return operations, nil
}
