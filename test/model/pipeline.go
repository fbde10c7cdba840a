package model

// brokerAndRelay is what happens to order i between the API and the queue.
func (r Rules) brokerAndRelay(w World, i int, add adder) {
	o := w.orders[i]
	if o.wire > 0 && o.queue < 2 {
		next := w
		next.orders[i].wire--
		next.orders[i].queue++
		next.orders[i].confirm = o.api == sent
		if o.relaying {
			r.relayed(&next.orders[i])
		}
		add(next, "enqueue", i)
	}
	if o.wire > 0 && o.api != sent && !o.relaying {
		next := w
		next.orders[i].wire-- // its connection is dead: the frame may never have arrived
		add(next, "drop the frame of", i)
	}
	if o.outbox && o.redis == pending && o.api == idle && o.wire == 0 && o.queue == 0 && !o.relaying && w.redis.epoch != 0 {
		next := w
		next.orders[i].relaying = true
		next.orders[i].wire++
		add(next, "relay", i)
	}
}

// relayed is the broker's confirm to the relay.
func (r Rules) relayed(o *order) {
	o.relaying = false
	if o.redis == pending {
		o.redis = acceptedState
		o.outbox = false
	}
	if r.Variant == ConfirmTakesCancelOut {
		o.cancel.outbox = false
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

// rebuild gives an empty Redis its stock back from the ledger, behind the drains.
func (r Rules) rebuild(w World, add adder) {
	if w.redis.epoch != 0 || !w.database || r.Variant == NoEpoch {
		return
	}
	next := w
	next.lastOpen++
	next.redis.epoch = next.lastOpen
	for i, o := range w.orders {
		working := o.api != idle && o.api != asked
		if working && r.Variant != RebuildWithoutRequests {
			return
		}
		if (o.wire > 0 || o.relaying) && r.Variant != RebuildWithoutWire && r.Variant != RebuildWithoutRequests {
			return
		}
		if o.moving() && r.Variant != RebuildWithoutQueue {
			return
		}
		next.orders[i].redis = o.ledger
	}
	next.redis.stock = r.Capacity - w.sold()
	add(next, "rebuild Redis", -1)
}
