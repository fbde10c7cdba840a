//go:build integration

package faults_test

import (
	"context"
	"strings"

	"github.com/eventflow-dev/eventflow/services/failpoint"
	"github.com/eventflow-dev/eventflow/test/framework/faultproxy"
	"github.com/eventflow-dev/eventflow/test/framework/processes"
)

// soakFault is one kind of fault. Begin makes it, what it returns ends it.
type soakFault struct {
	name  string
	begin func() (end func())
}

// storeFaults are what can happen to stores, and to the way to them. Their order is that
// of the code, because a seed chooses by number.
func (w *world) storeFaults(on servers) []soakFault {
	var all []soakFault
	for _, away := range [][]string{
		{"postgres"}, {"redis"}, {"rabbitmq"}, {"postgres", "rabbitmq"}, {"redis", "postgres"}, {"postgres", "redis", "rabbitmq"},
	} {
		for _, fault := range []faultproxy.Fault{faultproxy.Refused, faultproxy.BlackHole, faultproxy.Slow, faultproxy.Reset} {
			all = append(all, soakFault{nameOf(string(fault), away), func() func() {
				w.set(away, fault)
				return func() { w.set(away, faultproxy.None) }
			}})
		}
	}
	for _, store := range []string{"postgres", "redis", "rabbitmq"} {
		server := on.container(store)
		do := func(step func(context.Context) error) { w.must(step(w.t.Context())) }
		again := func() { do(server.Start) }
		all = append(all,
			soakFault{"cut answers of " + store, func() func() {
				w.proxyOf(store).CutAnswersAfter(300)
				return func() { w.set([]string{store}, faultproxy.None) }
			}},
			soakFault{"kill the server of " + store, func() func() { do(server.Kill); return again }},
			soakFault{"restart the server of " + store, func() func() { do(server.Stop); return again }},
			soakFault{"freeze the server of " + store, func() func() {
				do(server.Pause)
				return func() { do(server.Unpause) }
			}},
		)
	}
	all = append(all, soakFault{"block publishers", func() func() {
		end, err := on.rabbitmq.Alarm(w.t.Context())
		w.must(err)
		return func() { w.must(end(w.t.Context())) }
	}})
	if *soakLoss {
		all = append(all, w.losses(on)...)
	}
	return all
}

// losses take a store's data away for good. What only one store has when it loses its data
// is lost, and not promised otherwise: so each waits until everything is in the ledger, and
// ends once it is so again.
func (w *world) losses(on servers) []soakFault {
	return []soakFault{
		{"wipe redis", func() func() {
			w.drained(2 * settles)
			epoch := w.epoch()
			w.must(on.redis.Wipe(w.t.Context(), w.direct.Redis))
			return func() {
				w.reopened(epoch, settles)
				w.drained(2 * settles)
			}
		}},
		{"wipe rabbitmq", func() func() {
			w.drained(2 * settles)
			w.must(on.rabbitmq.Wipe(w.t.Context(), w.direct.RabbitMQ))
			return func() { w.drained(2 * settles) }
		}},
	}
}

func nameOf(fault string, stores []string) string {
	return fault + " " + strings.Join(stores, "+")
}

// processFaults are what can happen to a pod or to the consumer. There is always a pod left.
func (w *world) processFaults() []soakFault {
	var all []soakFault
	for _, victim := range w.services()[1:] {
		all = append(all,
			soakFault{"kill " + victim.Name, func() func() { victim.Kill(); return func() { victim.Start() } }},
			soakFault{"restart " + victim.Name, func() func() { victim.Stop(); return func() { victim.Start() } }},
			soakFault{"freeze " + victim.Name, func() func() { victim.Freeze(); return victim.Thaw }})
	}
	for _, name := range append(failpoint.Purchase, failpoint.Relay...) {
		all = append(all, dieAt(w.pods[1], name))
	}
	for _, name := range failpoint.Consumer {
		all = append(all, dieAt(w.consumer, name))
	}
	return all
}

// dieAt restarts the process so that it dies at a step, if it comes there in time.
func dieAt(victim *processes.Service, name failpoint.Name) soakFault {
	return soakFault{victim.Name + " dies at " + string(name), func() func() {
		victim.Stop()
		victim.StartArmed(string(name) + ":5")
		return func() {
			victim.Kill()
			victim.Start()
		}
	}}
}
