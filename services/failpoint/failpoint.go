// Package failpoint ends or stops the process at a named place, for tests of what a crash
// leaves behind. It does nothing, and costs nothing, unless the program is built with the tag
// "failpoints". It must not know what the places belong to.
//
// In a build with the tag, the variable EVENTFLOW_FAILPOINT arms one place:
//
//	name[:n][=action]
//
// The action is taken when the place is reached for the n-th time, which is the first
// where n is left out. It is one of:
//
//	kill        SIGKILL to the own process, which is what is done where no action is named
//	kill-later  the same 50 milliseconds later; everything but the caller goes on until then
//	stop        SIGSTOP to the own process; somebody else has to send SIGCONT
//	pause       the caller waits for two seconds, once
package failpoint

// Variable is the environment variable that arms a place.
const Variable = "EVENTFLOW_FAILPOINT"

// Name names a place.
type Name string

// The places in the purchase service, in the order of a purchase.
const (
	// BeforeReserve: the purchase is checked and priced, no store knows of it.
	BeforeReserve Name = "beforeReserve"
	// AfterReserve: the arbiter has answered; where it took the order, the seats are held.
	AfterReserve Name = "afterReserve"
	// AfterPublish: the client library has the message, the broker's confirm is awaited. Purchases
	// and the relay share it.
	AfterPublish Name = "afterPublish"
	// AfterConfirm: the broker has confirmed a purchase's order.
	AfterConfirm Name = "afterConfirm"
	// AfterAccept: the arbiter has been told that the broker has the orders of a batch.
	AfterAccept Name = "afterAccept"
	// BeforeAnswer: the wait for the commit is over, the buyer is not answered.
	BeforeAnswer Name = "beforeAnswer"
)

// The places in the relay of the outbox.
const (
	// AfterClaim: the relay has claimed orders, none is published.
	AfterClaim Name = "afterClaim"
	// AfterRelayPublish: the broker has confirmed relayed orders, the arbiter does not know.
	AfterRelayPublish Name = "afterRelayPublish"
)

// The places in the consumer, in the order of a batch.
const (
	// AfterDeliver: a batch has been collected, nothing of it is written.
	AfterDeliver Name = "afterDeliver"
	// AfterBegin: the transaction has inserted the orders and is not committed.
	AfterBegin Name = "afterBegin"
	// AfterCommit: the transaction is committed, nobody has been told.
	AfterCommit Name = "afterCommit"
	// AfterSettle: the arbiter has been told once, the batch is not acknowledged.
	AfterSettle Name = "afterSettle"
	// AfterAck: the batch is acknowledged.
	AfterAck Name = "afterAck"
)

// Purchase, Relay and Consumer list the places by who reaches them.
var (
	Purchase = []Name{BeforeReserve, AfterReserve, AfterPublish, AfterConfirm, AfterAccept, BeforeAnswer}
	Relay    = []Name{AfterClaim, AfterRelayPublish}
	Consumer = []Name{AfterDeliver, AfterBegin, AfterCommit, AfterSettle, AfterAck}
)
