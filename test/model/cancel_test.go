package model_test

import (
	"testing"

	"github.com/eventflow-dev/eventflow/test/model"
)

// cancelWorlds are those in which buyers cancel.
func cancelWorlds() map[string]model.Rules {
	return map[string]model.Rules{
		"both buyers cancel": {
			Capacity: 1, Tries: 1, Cancels: 1,
			Faults: model.Faults{DatabaseLoss: 1, ConsumerLoss: 1, ConfirmLoss: 1},
		},
		"both buyers cancel, pods die": {
			Capacity: 1, Tries: 1, Cancels: 1, Faults: model.Faults{APICrash: 1, ConsumerLoss: 1},
		},
		"both buyers cancel, two seats": {
			Capacity: 2, Tries: 1, Cancels: 1, Faults: model.Faults{ConsumerLoss: 1},
		},
		"cancelling twice, and buying again": {
			Capacity: 1, Tries: 2, Cancels: 2, Faults: model.Faults{ConsumerLoss: 1},
		},
		"cancelling, and RabbitMQ loses its data": {
			Capacity: 1, Tries: 1, Cancels: 1, Faults: model.Faults{ConsumerLoss: 1, BrokerWipe: 1},
		},
		"cancelling, and Redis loses its data": {
			Capacity: 1, Tries: 1, Cancels: 1,
			Faults: model.Faults{DatabaseLoss: 1, APICrash: 1, ConsumerLoss: 1, RedisWipe: 1},
		},
	}
}

func TestWrongWaysToCancelAreCaught(t *testing.T) {
	t.Parallel()
	faults := map[model.Variant]model.Faults{
		model.GiveBackBeforeLedger:  {},
		model.GiveBackAtEverySettle: {ConsumerLoss: 1},
		model.NoCancelReminder:      {BrokerWipe: 1},
	}
	for variant, faults := range faults {
		t.Run(string(variant), func(t *testing.T) {
			t.Parallel()
			rules := model.Rules{Variant: variant, Capacity: 1, Tries: 1, Cancels: 1, Faults: faults}
			report, err := model.Explore(rules, limit)
			if err != nil {
				t.Fatal(err)
			}
			if report.Violation == nil {
				t.Fatalf("not caught in %d worlds", report.States)
			}
			t.Log(report.Violation)
		})
	}
}
