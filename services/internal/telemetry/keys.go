package telemetry

// The keys of log lines. One key means the same thing in every service; personal data
// and credentials have no key.
const (
	KeyAddress   = "address"
	KeyCode      = "code"
	KeyComponent = "component"
	KeyCount     = "count"
	KeyDuration  = "durationSeconds"
	KeyError     = "error"
	KeyEventFlow = "eventFlow"
	KeyMethod    = "method"
	KeyNode      = "node"
	KeyOrderID   = "orderID"
	KeyPanic     = "panic"
	KeyReason    = "reason"
	KeyRoute     = "route"
	KeyStack     = "stack"
	KeyState     = "state"
	KeyStatus    = "status"
	KeyStore     = "store"
	KeyVersion   = "version"
)
