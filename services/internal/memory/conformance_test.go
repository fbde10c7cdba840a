package memory_test

import (
	"testing"

	"github.com/eventflow-dev/eventflow/services/internal/memory"
	"github.com/eventflow-dev/eventflow/services/internal/storetest"
)

func TestLedger(t *testing.T) {
	t.Parallel()
	storetest.RunLedger(t, func(t *testing.T) storetest.Ledger {
		t.Helper()
		clock := storetest.NewClock()
		l := memory.NewLedger(clock.Now)
		return storetest.Ledger{Ledger: l, Orders: l, Shop: l, Opening: l, Reports: l, Emails: l, Elapse: clock.Elapse}
	})
}

func TestReservations(t *testing.T) {
	t.Parallel()
	storetest.RunReservations(t, storetest.OpenTwin)
}

func TestCancellations(t *testing.T) {
	t.Parallel()
	storetest.RunCancellations(t, storetest.OpenTwin)
}

func TestOutbox(t *testing.T) {
	t.Parallel()
	storetest.RunOutbox(t, storetest.OpenTwin)
}

func TestProjection(t *testing.T) {
	t.Parallel()
	storetest.RunProjection(t, storetest.OpenTwin)
}

func TestStock(t *testing.T) {
	t.Parallel()
	storetest.RunStock(t, storetest.OpenTwin)
}

func TestLimits(t *testing.T) {
	t.Parallel()
	storetest.RunLimits(t, storetest.OpenTwin)
}

//nolint:paralleltest // a crowd needs the processor to itself
func TestCrowd(t *testing.T) { storetest.RunCrowd(t, storetest.OpenTwin) }

func TestBroker(t *testing.T) {
	t.Parallel()
	storetest.RunBroker(t, func(t *testing.T) storetest.Broker {
		t.Helper()
		b := memory.NewBroker()
		return storetest.Broker{
			Publisher: b, Queue: b, Backlog: b,
			PublishRaw: func(t *testing.T, body []byte) {
				t.Helper()
				b.PublishRaw(body)
			},
			DeadLetters: func(t *testing.T) []storetest.DeadLetter {
				t.Helper()
				var all []storetest.DeadLetter
				for _, d := range b.DeadLetters() {
					all = append(all, storetest.DeadLetter{Body: string(d.Body), Reason: d.Reason})
				}
				return all
			},
			Disconnect: func(t *testing.T) {
				t.Helper()
				b.Disconnect()
			},
		}
	})
}
