package model

type adder func(next World, name string, order int)

// purchase is the API process of order i: one request at a time.
func (r Rules) purchase(w World, i int, add adder) {
	o := w.orders[i]
	switch o.api {
	case idle:
		if o.tries > 0 && o.client < rejection {
			next := w
			next.orders[i].tries--
			next.orders[i].api = asked
			next.orders[i].epoch = w.redis.epoch
			if w.redis.epoch == 0 {
				next.orders[i].epoch = w.lastOpen // what the pod last knew
			}
			add(next, "ask", i)
		}
	case asked:
		r.reserve(w, i, add)
	case held:
		next := w
		next.orders[i].api = sent
		next.send(i, r.admits(w, o.epoch))
		if r.Variant == AcceptWithoutConfirm {
			next.orders[i].api = idle
			next.orders[i].client = promise
			next.orders[i].outbox = false
		}
		add(next, "publish", i)
	case sent:
		r.awaitConfirm(w, i, add)
	case accepted:
		next := w
		next.orders[i].api = idle
		next.orders[i].client = promise
		add(next, "answer 202", i)
	case compensate:
		next := w
		next.orders[i].api = idle
		next.orders[i].client = rejection
		if o.redis == pending {
			next.orders[i].redis = absent
			next.orders[i].outbox = false
			next.redis.stock++
		}
		add(next, "release the seat", i)
	}
	r.apiFaults(w, i, add)
}

// reserve is the atomic step in Redis.
func (r Rules) reserve(w World, i int, add adder) {
	o := w.orders[i]
	next := w
	me := &next.orders[i]
	fenced := w.redis.epoch == 0 || (r.Variant != NoEpoch && w.redis.epoch != o.epoch)
	if r.Variant == NoEpoch && w.redis.epoch == 0 {
		fenced = false // an empty Redis that nobody notices, filled by the first comer
		next.redis.stock = r.Capacity
		next.redis.epoch = w.lastOpen + 1
		next.lastOpen = next.redis.epoch
	}
	name := "reserve"
	switch {
	case o.redis == cancelled, o.cancel.mark:
		me.api = idle // a replay, told that the order is cancelled
		name = "replay, cancelled,"
	case o.redis == confirmed, o.redis == acceptedState:
		me.api, me.client = idle, promise // a replay: the order is durable twice
		name = "replay"
	case o.redis == pending && r.Variant == ReplayWithoutPublish:
		me.api, me.client = idle, promise
		name = "replay"
	case o.redis == pending && r.Variant != NotIdempotent:
		me.api, me.epoch = held, w.redis.epoch // a replay of an order that may not have reached the broker: publish it again
		name = "replay, pending,"
	case o.redis == refused:
		me.api = idle
	case fenced:
		me.api = idle // SALE_PAUSED: nothing happened, and the key may be tried again
		name = "find the sale paused for"
	case next.redis.stock == 0:
		me.api, me.client = idle, max(me.client, rejection)
		name = "be sold out for"
	default:
		next.redis.stock--
		me.redis, me.outbox, me.api = pending, true, held
		if w.faults.replyLoss > 0 {
			lost := next
			lost.faults.replyLoss--
			lost.orders[i].api = idle
			lost.orders[i].client = max(o.client, unknown)
			add(lost, "reserve and lose the reply of", i)
		}
	}
	add(next, name, i)
}

// admits reports whether the broker takes frames of the epoch.
func (r Rules) admits(w World, epoch uint8) bool {
	return r.Variant == NoEpoch || r.Variant == RebuildWithoutFence || w.admitted != 0 && epoch == w.admitted
}

// send puts a frame of order i under way.
func (w *World) send(i int, admitted bool) { //nolint:revive // not a mode: what the broker will do with it
	if admitted {
		w.orders[i].wire++
	} else {
		w.orders[i].stale++
	}
}

// staleOfRelay is how many frames will still be returned to somebody once the API process
// of the order does not listen any more.
func (o order) staleOfRelay() uint8 {
	if o.relaying {
		return min(o.stale, 1)
	}
	return 0
}

func (r Rules) awaitConfirm(w World, i int, add adder) {
	o := w.orders[i]
	if o.confirm {
		next := w
		next.orders[i].confirm = false
		next.orders[i].api = accepted
		if o.redis == pending {
			next.orders[i].redis = acceptedState
			next.orders[i].outbox = false
		}
		add(next, "confirm", i)
	}
	if w.faults.confirmLoss > 0 {
		next := w
		next.faults.confirmLoss--
		next.orders[i].confirm = false
		next.orders[i].stale = o.staleOfRelay()
		next.orders[i].api = accepted // the outbox keeps it: durable all the same
		if r.Variant == ReleaseOnLostConfirm {
			next.orders[i].api = compensate
		}
		add(next, "lose the confirm of", i)
	}
	if r.Variant == ExpiringHold && o.redis == pending {
		next := w
		next.orders[i].redis = absent
		next.orders[i].outbox = false
		next.redis.stock++
		add(next, "expire the hold of", i)
	}
}

func (r Rules) apiFaults(w World, i int, add adder) {
	o := w.orders[i]
	if o.api != idle && w.faults.apiCrash > 0 {
		next := w
		next.faults.apiCrash--
		next.orders[i].api = idle
		next.orders[i].confirm = false
		next.orders[i].client = max(o.client, unknown)
		next.orders[i].stale = o.staleOfRelay()
		add(next, "kill the pod of", i)
	}
}
