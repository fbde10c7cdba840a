package model

// Orders is how many orders compete; each is one seat.
const Orders = 2

// phase is where the API process of an order is.
type phase uint8

const (
	idle       phase = iota // no request is under way
	asked                   // the request has arrived, nothing was done
	held                    // reserved, not published
	sent                    // the frame was written, the confirm is awaited
	accepted                // the broker has confirmed, the buyer is not answered
	compensate              // a variant is about to give the seat back
)

// state is an order in Redis.
type state uint8

const (
	absent state = iota
	pending
	acceptedState
	confirmed
	refused
	cancelled
)

// answer is the strongest thing that the buyer was ever told.
type answer uint8

const (
	nothing   answer = iota
	unknown          // OUTCOME_UNKNOWN
	rejection        // SOLD_OUT and its like: nothing happened, final for the key
	promise          // 201 or 202
)

// order is everything about one order, everywhere.
type order struct {
	client   answer
	tries    uint8 // requests that the client may still send
	api      phase
	epoch    uint8 // the epoch in which the API process reserved
	redis    state
	outbox   bool
	wire     uint8 // frames under way to the broker
	stale    uint8 // frames under way that the broker will return: their epoch is fenced
	queue    uint8 // messages ready in the queue
	confirm  bool  // a confirm is under way to the API process
	unacked  bool  // delivered to the consumer
	written  bool  // the consumer has committed this delivery
	ledger   state // confirmed, refused or cancelled, once written
	relaying bool  // the relay has published and awaits the confirm
	cancel   cancellation
}

// arbiter is what Redis holds beside the orders.
type arbiter struct {
	stock int8
	epoch uint8 // zero: not open
}

// World is the whole system at one moment. It is comparable, so that it can be a map key.
type World struct {
	orders   [Orders]order
	redis    arbiter
	lastOpen uint8
	admitted uint8 // the epoch whose frames the broker takes; zero: none
	database bool  // PostgreSQL takes writes
	faults   budget
	// image is what an everysec Redis has on disk; only that variant uses it.
	imageStock int8
	image      [Orders]state
	imageBox   [Orders]bool
}

// budget is how many faults of each kind may still happen.
type budget struct {
	databaseLoss uint8 // PostgreSQL goes away (and returns)
	apiCrash     uint8
	consumerLoss uint8 // the consumer, or its session, dies
	confirmLoss  uint8 // the publisher's connection dies
	replyLoss    uint8 // Redis' reply is lost
	redisWipe    uint8 // Redis loses all data
	redisRestart uint8 // Redis is killed and starts again
	brokerWipe   uint8 // RabbitMQ loses all data
}

func (w World) sold() int8 {
	var n int8
	for _, o := range w.orders {
		if o.ledger == confirmed {
			n++
		}
	}
	return n
}
