//go:build integration

package rabbitmq_test

import (
	"sync/atomic"
	"testing"

	"github.com/eventflow-dev/eventflow/services/internal/rabbitmq"
)

// BenchmarkPublish publishes with 128 callers at once, each waiting for its confirm.
func BenchmarkPublish(b *testing.B) {
	publisher := rabbitmq.NewPublisher(shared.NewVirtualHost(), rabbitmq.Options{})
	done := make(chan error, 1)
	go func() { done <- publisher.Run(b.Context()) }()
	b.Cleanup(func() {
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	awaitConnected(b, publisher)
	order := newOrder()
	var failed atomic.Int64
	b.SetParallelism(64)
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if err := publisher.Publish(b.Context(), order); err != nil {
				failed.Add(1)
			}
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "confirmed/s")
	if n := failed.Load(); n > 0 {
		b.Errorf("%d of %d were not confirmed", n, b.N)
	}
}
