package redisstore

import "github.com/eventflow-dev/eventflow/services/ticketing"

// The keys. All share the hash tag {ef}.
const (
	keyEpoch    = "{ef}:epoch"    // string; absent while the sale is not open
	keyStock    = "{ef}:stock"    // hash: tier -> seats left in the pool
	keyCapacity = "{ef}:capacity" // hash: tier -> capacity that the pool was given
	keyCatalog  = "{ef}:catalog"  // string: catalogDocument
	keyOutbox   = "{ef}:outbox"   // sorted set: order id by milliseconds of its last claim
	keyPending  = "{ef}:pending"  // hash: tier:orders, tier:tickets, tier:amount, tier:currency
	keyPaused   = "{ef}:paused"   // string; present while the consumer is paused

	orderPrefix    = "{ef}:order:"    // hash: state, fp, payload, tier, qty, amount, currency, cancel
	announcePrefix = "{ef}:announce:" // channel of the node whose name follows
)

func orderKeyOf(id ticketing.OrderID) string { return orderPrefix + string(id) }

func announceChannel(node string) string { return announcePrefix + node }
