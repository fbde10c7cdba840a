package notify

import (
	"context"
	"log/slog"

	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
)

// LogSender is a Sender that delivers nothing: it logs that there was an e-mail to
// send, without whom to and what it says.
type LogSender struct{ log *slog.Logger }

// NewLogSender returns a LogSender.
func NewLogSender(log *slog.Logger) *LogSender { return &LogSender{log: log} }

// Send implements Sender.
func (s *LogSender) Send(ctx context.Context, m Message) error {
	s.log.InfoContext(ctx, "Would have sent an e-mail: no mail server is configured",
		telemetry.KeyOrderID, string(m.ID.OrderID), "kind", string(m.ID.Kind), "locale", m.Locale)
	return nil
}
