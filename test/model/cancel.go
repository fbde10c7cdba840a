package model

// The wrong variants of cancelling.
const (
	GiveBackBeforeLedger  Variant = "give the seat back before the ledger has"
	GiveBackAtEverySettle Variant = "give the seat back at every settle"
	NoCancelReminder      Variant = "a cancellation that the broker has lost is not published again"
)

// cancellation is everything about the cancelling of one order, everywhere.
type cancellation struct {
	tries    uint8 // requests that the client may still send
	promised bool  // the client was told that the order is cancelled
	mark     bool  // Redis has the order as cancelled, settled or not
	outbox   bool  // the order's entry in the outbox stands for its cancellation
	queue    uint8 // messages ready in the queue
	unacked  bool  // delivered to the consumer
	written  bool  // the consumer has committed this delivery
	told     bool  // and has settled it in Redis
}

// moving reports whether the broker or the consumer has something of the order.
func (o order) moving() bool {
	return o.queue > 0 || o.unacked || o.cancel.queue > 0 || o.cancel.unacked
}

// forget is what a Redis that loses its data does.
func (c *cancellation) forget() { c.mark, c.outbox = false, false }

// cancelling is what happens to the cancellation of order i.
func (r Rules) cancelling(w World, i int, add adder) {
	r.mark(w, i, add)
	r.publishCancel(w, i, add)
	r.consumeCancel(w, i, add)
	r.remindOfCancel(w, i, add)
}

// mark is the atomic step in Redis.
func (r Rules) mark(w World, i int, add adder) {
	o := w.orders[i]
	known := o.client == promise || o.client == unknown
	if o.cancel.tries == 0 || !known || w.redis.epoch == 0 || o.redis == absent || o.redis == refused {
		return
	}
	next := w
	c := &next.orders[i].cancel
	c.tries--
	if !c.mark && o.redis != cancelled {
		c.mark, c.outbox = true, true
		next.orders[i].outbox = false // the entry stands for the cancellation from now on
		if r.Variant == GiveBackBeforeLedger {
			next.redis.stock++
		}
	}
	add(next, "cancel", i)
}

// publishCancel brings it to the broker, by the pod that marked it or by a relay: which
// one makes no difference. The promise is given here, where it rests on two stores.
func (r Rules) publishCancel(w World, i int, add adder) {
	o := w.orders[i]
	if !o.cancel.outbox || o.cancel.queue == 2 || !r.admits(w, w.redis.epoch) {
		return
	}
	next := w
	next.orders[i].cancel.queue++
	next.orders[i].cancel.promised = true
	if w.faults.confirmLoss > 0 {
		lost := next
		lost.faults.confirmLoss--
		add(lost, "publish, without a confirm, the cancellation of", i)
	}
	next.orders[i].cancel.outbox = false
	if o.redis == pending {
		next.orders[i].redis = acceptedState
	}
	add(next, "publish the cancellation of", i)
}

// remindOfCancel puts it into the outbox again, where the broker had it and Redis was never
// told that it is in the ledger.
func (r Rules) remindOfCancel(w World, i int, add adder) {
	o := w.orders[i]
	settled := o.redis == cancelled || o.redis == refused
	if !o.cancel.mark || settled || o.cancel.outbox || o.moving() || r.Variant == NoReminder || r.Variant == NoCancelReminder {
		return
	}
	next := w
	next.orders[i].cancel.outbox = true
	add(next, "remind of the cancellation of", i)
}

// consumeCancel is its delivery: take, commit, settle, acknowledge.
func (r Rules) consumeCancel(w World, i int, add adder) {
	o := w.orders[i]
	c := o.cancel
	next := w
	me := &next.orders[i].cancel
	switch {
	case c.queue > 0 && !c.unacked && w.database:
		me.queue--
		me.unacked = true
		add(next, "deliver the cancellation of", i)
	case c.unacked && !c.written && w.database:
		if o.ledger == absent || o.ledger == confirmed {
			next.orders[i].ledger = cancelled // where it is absent, the order's own message finds it
		}
		me.written = true
		add(next, "commit the cancellation of", i)
	case c.unacked && c.written && !c.told:
		r.settle(&next, i)
		me.told = true
		add(next, "settle the cancellation of", i)
	case c.told:
		me.unacked, me.written, me.told = false, false, false
		add(next, "acknowledge the cancellation of", i)
	}
	r.loseCancel(w, i, add)
}

// loseCancel ends the session that has the cancellation of order i, which comes again.
func (Rules) loseCancel(w World, i int, add adder) {
	if c := w.orders[i].cancel; !c.unacked || c.queue == 2 || w.faults.consumerLoss == 0 {
		return
	}
	next := w
	next.faults.consumerLoss--
	c := &next.orders[i].cancel
	c.unacked, c.written, c.told = false, false, false
	c.queue++
	add(next, "lose the consumer's session with the cancellation of", i)
}

// settle tells Redis what the ledger has decided about order i. The step to cancelled
// gives the seat back to the pool, once.
func (r Rules) settle(w *World, i int) {
	o := &w.orders[i]
	live := o.redis == pending || o.redis == acceptedState
	returned := o.ledger == cancelled && (live || o.redis == confirmed)
	if live || returned {
		o.redis = o.ledger
		o.outbox = false
		if o.ledger != confirmed {
			o.cancel.outbox = false
		}
	}
	again := r.Variant == GiveBackAtEverySettle && o.ledger == cancelled && o.redis == cancelled
	if (returned || again) && r.Variant != GiveBackBeforeLedger {
		w.redis.stock++
	}
}

// brokenCancelAtRest returns the promise about the cancelling of order i that does not
// hold in a world where nothing more can happen.
func (o order) brokenCancelAtRest() string {
	switch {
	case o.ledger == cancelled || o.ledger == refused:
		return ""
	case o.cancel.promised:
		return "was promised to be cancelled and is not"
	case o.cancel.mark:
		return "is marked as cancelled for ever"
	default:
		return ""
	}
}
