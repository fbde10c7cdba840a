package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
)

const (
	// quietAfter is for how long the channel may be silent before Redis is asked whether it is there.
	quietAfter = 2 * time.Second
	// resubscribePause is the pause after a lost subscription, and as much again at random.
	resubscribePause = 250 * time.Millisecond
)

// Announcements hears what this pod's orders have come to. What is announced while it
// is not subscribed is lost: whoever waits has its own deadline.
type Announcements struct {
	client *redis.Client
	node   string
	log    *slog.Logger
}

// NewAnnouncements returns the ear of the pod with that node name.
func NewAnnouncements(client *redis.Client, node string, log *slog.Logger) *Announcements {
	return &Announcements{client: client, node: node, log: log}
}

// Run calls settle with each announcement, and subscribes again whenever the
// subscription is lost, until ctx ends.
func (a *Announcements) Run(ctx context.Context, settle func([]checkout.Settlement)) error {
	subscribed := false
	for ctx.Err() == nil {
		err := a.listen(ctx, settle, func() {
			subscribed = true
			a.log.InfoContext(ctx, "Subscribed to announcements")
		})
		if subscribed && ctx.Err() == nil { // once a loss, not once an attempt
			a.log.WarnContext(ctx, "Lost subscription to announcements", "error", err)
		}
		subscribed = false
		select {
		case <-ctx.Done():
		case <-time.After(resubscribePause + rand.N(resubscribePause)): //nolint:gosec // jitter
		}
	}
	return nil
}

// listen is one subscription, until it breaks or ctx ends.
func (a *Announcements) listen(ctx context.Context, settle func([]checkout.Settlement), onSubscribed func()) error {
	subscription := a.client.Subscribe(ctx, announceChannel(a.node))
	stop := context.AfterFunc(ctx, func() { _ = subscription.Close() }) // a pending read does not watch ctx
	defer func() {
		stop()
		_ = subscription.Close()
	}()
	asked := false
	for {
		message, err := subscription.ReceiveTimeout(ctx, quietAfter)
		var timeout net.Error
		switch {
		case errors.As(err, &timeout) && timeout.Timeout() && !asked:
			if err := subscription.Ping(ctx); err != nil {
				return err
			}
			asked = true
			continue
		case err != nil:
			return err
		}
		asked = false
		switch m := message.(type) {
		case *redis.Subscription:
			onSubscribed()
		case *redis.Message:
			if err := deliver(m.Payload, settle); err != nil {
				a.log.ErrorContext(ctx, "Ignored an announcement", "error", err)
			}
		}
	}
}

func deliver(payload string, settle func([]checkout.Settlement)) error {
	var settlements []checkout.Settlement
	if err := json.Unmarshal([]byte(payload), &settlements); err != nil {
		return fmt.Errorf("read announcement: %w", err)
	}
	settle(settlements)
	return nil
}
