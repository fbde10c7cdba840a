package notify

import "errors"

// ErrUndeliverable is wrapped by a Sender's error that no retry will mend.
var ErrUndeliverable = errors.New("e-mail undeliverable")
