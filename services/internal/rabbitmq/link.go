package rabbitmq

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eventflow-dev/eventflow/services/internal/tcp"
)

const (
	dialTimeout = 3 * time.Second
	// handshakeTimeout bounds the greeting and any other question to the broker.
	handshakeTimeout = 5 * time.Second
	// writeTimeout bounds one write to a broker that does not read: it stops reading from
	// publishers while it is short of memory or disk, for as long as that lasts.
	writeTimeout = time.Second
	heartbeat    = 10 * time.Second
	// closeTimeout bounds a farewell.
	closeTimeout = time.Second

	defaultChannels = 2
)

// Options of NewPublisher and NewQueue. The zero value is good.
type Options struct {
	// Logger gets a line for each connection that is made or lost; nil means none.
	Logger *slog.Logger
	// Name is what the broker calls the connections in its lists.
	Name string
	// Channels is over how many channels a Publisher spreads its messages; zero means 2.
	Channels int
	// Clock is for tests; nil means the time of day.
	Clock func() time.Time
}

func (o Options) withDefaults() Options {
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	o.Channels = cmp.Or(o.Channels, defaultChannels)
	if o.Clock == nil {
		o.Clock = time.Now //nolint:forbidigo // deadlines of sockets are in the time of day
	}
	return o
}

// link is one connection to the broker.
type link struct {
	conn   *amqp.Connection
	socket *coalescer
	clock  func() time.Time
}

// dial opens a connection within its own timeouts and ctx.
func dial(ctx context.Context, url string, o Options) (*link, error) {
	l := &link{clock: o.Clock}
	stop := func() bool { return true }
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	properties := amqp.NewConnectionProperties()
	properties.SetClientConnectionName(cmp.Or(o.Name, "eventflow"))
	config := amqp.Config{
		Heartbeat:  heartbeat,
		Properties: properties,
		Dial: func(network, address string) (net.Conn, error) {
			socket, err := tcp.Dialer(dialTimeout).DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			l.socket = newCoalescer(socket, writeTimeout, o.Clock)
			stop = context.AfterFunc(ctx, l.socket.abort)
			return l.socket, l.socket.SetDeadline(o.Clock().Add(handshakeTimeout))
		},
	}
	conn, err := amqp.DialConfig(url, config)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		if l.socket != nil {
			l.socket.abort()
			<-l.socket.done
		}
		return nil, fmt.Errorf("connect to the broker: %w", err)
	}
	l.conn = conn
	return l, nil
}

// ask runs a conversation with the broker. The library waits for answers without end;
// when ctx or the timeout ends first, the socket is closed, which ends the wait.
func (l *link) ask(ctx context.Context, conversation func() error) error {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, l.socket.abort)
	err := conversation()
	if !stop() {
		return errors.Join(ctx.Err(), err)
	}
	return err
}

// close says farewell where the broker listens and is gone by closeTimeout where not.
func (l *link) close() {
	_ = l.conn.CloseDeadline(l.clock().Add(closeTimeout)) // closed already, or closed now
	l.socket.abort()
	<-l.socket.done
}
