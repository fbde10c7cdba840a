package model

// broker is what happens to frames of order i on their way to the queue.
func (r Rules) broker(w World, i int, add adder) {
	o := w.orders[i]
	if o.wire > 0 && o.queue < 2 {
		next := w
		next.orders[i].wire--
		next.orders[i].queue++
		next.orders[i].confirm = o.api == sent
		if o.relaying {
			relayed(&next.orders[i])
		}
		add(next, "enqueue", i)
	}
	if o.wire > 0 && o.api != sent && !o.relaying {
		next := w
		next.orders[i].wire-- // its connection is dead: the frame may never have arrived
		add(next, "drop the frame of", i)
	}
	if o.stale > 0 {
		add(r.returned(w, i), "return the frame of", i)
	}
}

// relay is what happens to order i in the outbox: it is published, and put in again where
// the broker had it and the ledger never got it.
func (r Rules) relay(w World, i int, add adder) {
	o := w.orders[i]
	live := o.redis == pending || o.redis == acceptedState
	if o.outbox && live && o.api == idle && o.queue == 0 && !o.underWay() && w.redis.epoch != 0 {
		next := w
		next.orders[i].relaying = true
		next.send(i, r.admits(w, w.redis.epoch))
		add(next, "relay", i)
	}
	if o.overdue() && r.Variant != NoReminder {
		next := w
		next.orders[i].outbox = true
		add(next, "remind of", i)
	}
}

// underWay reports whether somebody has published the order and not heard of it yet.
func (o order) underWay() bool { return o.wire > 0 || o.stale > 0 || o.relaying }

// overdue reports whether the broker confirmed an order that is settled nowhere.
func (o order) overdue() bool {
	return o.redis == acceptedState && !o.outbox && !o.cancel.mark && !o.moving() && !o.underWay()
}

// returned is the world after the broker has returned a frame of order i to its sender:
// the relay, which forgets it, or the API process, which promises nothing: what the arbiter
// still says may be thrown away.
func (r Rules) returned(w World, i int) World {
	o := &w.orders[i]
	o.stale--
	switch {
	case o.relaying:
		o.relaying = false
	case r.Variant == PromiseFenced:
		o.api, o.client = idle, promise
	default:
		o.api, o.client = idle, max(o.client, unknown)
	}
	return w
}

// relayed is the broker's confirm to the relay.
func relayed(o *order) {
	o.relaying = false
	if o.redis == pending || o.redis == acceptedState {
		o.redis = acceptedState
		o.outbox = false
	}
}

// consumer is the delivery of order i: take, commit, acknowledge.
func (r Rules) consumer(w World, i int, add adder) {
	o := w.orders[i]
	if o.queue > 0 && !o.unacked && w.database {
		next := w
		next.orders[i].queue--
		next.orders[i].unacked = true
		next.orders[i].written = false
		add(next, "deliver", i)
	}
	if o.unacked && !o.written && r.Variant == AckBeforeCommit {
		next := w
		next.orders[i].unacked = false
		add(next, "acknowledge early", i)
		lost := w
		lost.orders[i].unacked = false
		if w.database {
			r.commit(&lost, i)
			add(lost, "acknowledge and commit", i)
		}
		return
	}
	if o.unacked && !o.written && w.database {
		next := w
		r.commit(&next, i)
		next.orders[i].written = true
		add(next, "commit", i)
	}
	if o.unacked && o.written {
		next := w
		next.orders[i].unacked, next.orders[i].written = false, false
		r.settle(&next, i)
		add(next, "acknowledge", i)
	}
	r.consumerFaults(w, i, add)
}

// commit writes order i to the ledger, once: the order id is its key.
func (r Rules) commit(w *World, i int) {
	o := &w.orders[i]
	if o.ledger != absent {
		return
	}
	switch {
	case w.sold() < r.Capacity:
		o.ledger = confirmed
	default:
		o.ledger = refused
	}
}

func (r Rules) consumerFaults(w World, i int, add adder) {
	o := w.orders[i]
	if !o.unacked || w.faults.consumerLoss == 0 {
		return
	}
	next := w
	next.faults.consumerLoss--
	next.orders[i].unacked, next.orders[i].written = false, false
	next.orders[i].queue++
	add(next, "lose the consumer's session with", i)
	if r.Variant == StaleDeliveryTag && o.written {
		// The acknowledgement of i, sent on the new session, hits whatever has its tag there.
		for j := range w.orders {
			if j != i && w.orders[j].queue > 0 {
				stale := next
				stale.orders[j].queue--
				add(stale, "acknowledge, with a stale tag,", j)
			}
		}
	}
}

// world is what happens to the stores, and the rebuild of Redis.
func (r Rules) world(w World, add adder) {
	if w.database && w.faults.databaseLoss > 0 {
		next := w
		next.database = false
		next.faults.databaseLoss--
		add(next, "stop PostgreSQL", -1)
	}
	if !w.database {
		next := w
		next.database = true
		add(next, "start PostgreSQL", -1)
	}
	if w.faults.redisWipe > 0 {
		next := w
		next.faults.redisWipe--
		next.redis = arbiter{}
		for i := range next.orders {
			next.orders[i].redis, next.orders[i].outbox = absent, false
			next.orders[i].cancel.forget()
		}
		add(next.flushed(), "wipe Redis", -1)
	}
	r.restartRedis(w, add)
	r.rebuild(w, add)
	r.wipeBroker(w, add)
}

// restartRedis kills Redis and starts it from what is on disk. With "appendfsync
// always" that is everything it ever answered; with everysec it may be older.
func (r Rules) restartRedis(w World, add adder) {
	if w.faults.redisRestart > 0 {
		next := w
		next.faults.redisRestart--
		next.redis.stock = w.imageStock
		for i := range next.orders {
			next.orders[i].redis, next.orders[i].outbox = w.image[i], w.imageBox[i]
		}
		add(next, "restart Redis", -1)
	}
	if r.Variant == EverysecLoss && w != w.flushed() {
		add(w.flushed(), "fsync", -1)
	}
}

// rebuild gives an empty Redis its stock back from the ledger: behind the fence, and once
// the queue is drained.
func (r Rules) rebuild(w World, add adder) {
	if w.redis.epoch != 0 || !w.database || r.Variant == NoEpoch {
		return
	}
	if w.admitted != 0 && r.Variant != RebuildWithoutFence {
		add(w.fenced(), "fence the lost epoch", -1)
		return
	}
	next := w
	next.lastOpen++
	next.redis.epoch, next.admitted = next.lastOpen, next.lastOpen
	for i, o := range w.orders {
		if o.moving() && r.Variant != RebuildWithoutQueue {
			return
		}
		next.orders[i].redis = o.ledger
	}
	next.redis.stock = r.Capacity - w.sold()
	add(next, "rebuild Redis", -1)
}

// fenced returns w with a broker that takes nothing, not even what is under way. A frame
// whose sender is gone is returned to nobody.
func (w World) fenced() World {
	w.admitted = 0
	for i := range w.orders {
		o := &w.orders[i]
		if o.wire > 0 && (o.api == sent || o.relaying) {
			o.stale++
		}
		o.wire = 0
	}
	return w
}

// wipeBroker takes everything that RabbitMQ has; who consumes binds its epoch again.
func (r Rules) wipeBroker(w World, add adder) {
	if w.faults.brokerWipe > 0 {
		next := w.fenced()
		next.faults.brokerWipe--
		for i := range next.orders {
			next.orders[i].queue, next.orders[i].cancel.queue = 0, 0
		}
		add(next, "wipe RabbitMQ", -1)
	}
	if w.admitted == 0 && w.redis.epoch != 0 {
		next := w
		next.admitted = w.redis.epoch
		add(next, "bind the epoch again", -1)
	}
}
