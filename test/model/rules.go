package model

import "fmt"

// Variant is the protocol with one piece missing, or changed.
type Variant string

// The protocol, and its wrong variants.
const (
	Correct              Variant = "correct"
	ReleaseOnLostConfirm Variant = "release the seat when the confirm is lost"
	AcceptWithoutConfirm Variant = "202 without a confirm and without an outbox"
	AckBeforeCommit      Variant = "acknowledge before the commit"
	StaleDeliveryTag     Variant = "acknowledge with a tag of an ended session"
	EverysecLoss         Variant = "appendfsync everysec"
	RebuildWithoutFence  Variant = "rebuild without fencing the lost epoch at the broker"
	RebuildWithoutQueue  Variant = "rebuild without draining the queue"
	PromiseFenced        Variant = "202 for an order that the broker returned"
	NoReminder           Variant = "accepted orders that a broker lost are not published again"
	NoEpoch              Variant = "requests carry no epoch"
	NotIdempotent        Variant = "a retry reserves again"
	ReplayWithoutPublish Variant = "a replay of a pending order trusts the outbox alone"
	ExpiringHold         Variant = "the hold expires after the publish"
)

// Rules is one configuration of the model.
type Rules struct {
	Variant  Variant
	Capacity int8
	// Tries is how many times each buyer may ask.
	Tries uint8
	// Cancels is how many times each buyer may ask to cancel.
	Cancels uint8
	Faults  Faults
}

// Faults bounds how often each fault happens.
type Faults struct {
	DatabaseLoss, APICrash, ConsumerLoss, ConfirmLoss, ReplyLoss, RedisWipe, RedisRestart, BrokerWipe uint8
}

func (r Rules) initial() World {
	w := World{redis: arbiter{stock: r.Capacity, epoch: 1}, lastOpen: 1, admitted: 1, database: true, imageStock: r.Capacity}
	w.faults = budget{
		databaseLoss: r.Faults.DatabaseLoss, apiCrash: r.Faults.APICrash, consumerLoss: r.Faults.ConsumerLoss,
		confirmLoss: r.Faults.ConfirmLoss, replyLoss: r.Faults.ReplyLoss, redisWipe: r.Faults.RedisWipe,
		redisRestart: r.Faults.RedisRestart, brokerWipe: r.Faults.BrokerWipe,
	}
	for i := range w.orders {
		w.orders[i].tries = r.Tries
		w.orders[i].cancel.tries = r.Cancels
	}
	return w
}

// broken returns the promise that does not hold in w, at any time.
func (r Rules) broken(w World) string {
	if w.sold() > r.Capacity {
		return "oversold"
	}
	for i, o := range w.orders {
		if o.ledger == refused && o.client == promise {
			return fmt.Sprintf("order %d was promised and is refused", i)
		}
		if o.ledger == confirmed && o.client == rejection {
			return fmt.Sprintf("order %d was told that nothing happened and is in the ledger", i)
		}
	}
	return ""
}

// brokenAtRest returns the promise that does not hold in a world where nothing more can happen.
func (r Rules) brokenAtRest(w World) string {
	held := w.redis.stock
	for i, o := range w.orders {
		if o.client == promise && o.ledger != confirmed && o.ledger != cancelled {
			return fmt.Sprintf("order %d was promised and is lost", i)
		}
		if broken := o.brokenCancelAtRest(); broken != "" {
			return fmt.Sprintf("order %d %s", i, broken)
		}
		if o.redis != absent && o.redis != refused && o.redis != cancelled {
			held++
		}
	}
	if w.redis.epoch == 0 && r.Variant != NoEpoch { // there, nobody notices: the first comer fills it
		return "the sale never opened again"
	}
	if held != r.Capacity {
		return fmt.Sprintf("stock and live orders make %d of %d seats", held, r.Capacity)
	}
	return ""
}

func (r Rules) steps(w World) []Step {
	var steps []Step
	add := func(next World, name string, i int) {
		if i >= 0 {
			name = fmt.Sprintf("%s %d", name, i)
		}
		if r.Variant != EverysecLoss {
			next = next.flushed()
		}
		steps = append(steps, Step{Name: name, Next: next})
	}
	for i := range w.orders {
		r.purchase(w, i, add)
		r.broker(w, i, add)
		r.relay(w, i, add)
		r.consumer(w, i, add)
		r.cancelling(w, i, add)
	}
	r.world(w, add)
	return steps
}

// flushed returns w with Redis' image on disk equal to its memory.
func (w World) flushed() World {
	w.imageStock = w.redis.stock
	for i, o := range w.orders {
		w.image[i], w.imageBox[i] = o.redis, o.outbox
	}
	return w
}
