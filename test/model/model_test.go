package model_test

import (
	"maps"
	"testing"

	"github.com/eventflow-dev/eventflow/test/model"
)

const limit = 3_000_000

func TestProtocolKeepsItsPromises(t *testing.T) {
	t.Parallel()
	worlds := map[string]model.Rules{
		"two buyers, one seat, every process fault": {
			Capacity: 1, Tries: 2,
			Faults: model.Faults{DatabaseLoss: 1, APICrash: 1, ConsumerLoss: 1, ConfirmLoss: 1, ReplyLoss: 1, RedisRestart: 1},
		},
		"two buyers, two seats, every process fault": {
			Capacity: 2, Tries: 2,
			Faults: model.Faults{DatabaseLoss: 1, APICrash: 1, ConsumerLoss: 1, ConfirmLoss: 1},
		},
		"Redis loses its data": {
			Capacity: 1, Tries: 2,
			Faults: model.Faults{DatabaseLoss: 1, APICrash: 1, ConsumerLoss: 1, ReplyLoss: 1, RedisWipe: 1},
		},
		"Redis loses its data twice": {
			Capacity: 1, Tries: 2, Faults: model.Faults{ConsumerLoss: 1, APICrash: 1, RedisWipe: 2},
		},
		"RabbitMQ loses its data": {
			Capacity: 1, Tries: 2,
			Faults: model.Faults{DatabaseLoss: 1, APICrash: 1, ConsumerLoss: 1, ConfirmLoss: 1, BrokerWipe: 1},
		},
		"Redis loses its data, two seats": {
			Capacity: 2, Tries: 2,
			Faults: model.Faults{DatabaseLoss: 1, ConsumerLoss: 1, RedisWipe: 1},
		},
	}
	maps.Copy(worlds, cancelWorlds())
	for name, rules := range worlds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rules.Variant = model.Correct
			report, err := model.Explore(rules, limit)
			if err != nil {
				t.Fatal(err)
			}
			if report.Violation != nil {
				t.Fatal(report.Violation)
			}
			if report.Settled == 0 {
				t.Fatal("no world came to rest: the model proves nothing")
			}
			t.Logf("%d worlds, %d at rest", report.States, report.Settled)
		})
	}
}

func TestWrongVariantsAreCaught(t *testing.T) {
	t.Parallel()
	process := model.Faults{DatabaseLoss: 1, APICrash: 1, ConsumerLoss: 1, ConfirmLoss: 1}
	wiped := model.Faults{ConsumerLoss: 1, RedisWipe: 1}
	cases := map[model.Variant]struct {
		capacity int8
		faults   model.Faults
	}{
		model.ReleaseOnLostConfirm: {1, process},
		model.AcceptWithoutConfirm: {1, process},
		// The reminder mends these two, unless Redis loses its data before it does.
		model.AckBeforeCommit:      {1, wiped},
		model.StaleDeliveryTag:     {2, wiped},
		model.EverysecLoss:         {1, model.Faults{RedisRestart: 1}},
		model.RebuildWithoutFence:  {1, wiped},
		model.RebuildWithoutQueue:  {1, wiped},
		model.PromiseFenced:        {1, wiped},
		model.NoReminder:           {1, model.Faults{BrokerWipe: 1}},
		model.NoEpoch:              {1, wiped},
		model.NotIdempotent:        {2, model.Faults{APICrash: 1}},
		model.ExpiringHold:         {1, process},
		model.ReplayWithoutPublish: {1, model.Faults{RedisWipe: 1, APICrash: 1}},
	}
	for variant, tc := range cases {
		t.Run(string(variant), func(t *testing.T) {
			t.Parallel()
			rules := model.Rules{Variant: variant, Capacity: tc.capacity, Tries: 2, Faults: tc.faults}
			report, err := model.Explore(rules, limit)
			if err != nil {
				t.Fatal(err)
			}
			if report.Violation == nil {
				t.Fatalf("not caught in %d worlds", report.States)
			}
			t.Log(report.Violation)

			rules.Variant = model.Correct
			report, err = model.Explore(rules, limit)
			if err != nil {
				t.Fatal(err)
			}
			if report.Violation != nil {
				t.Fatalf("the protocol itself fails under the same faults: %v", report.Violation)
			}
		})
	}
}
