package telemetry

import (
	"io"
	"log/slog"
)

// NewLogger returns a logger that writes one JSON object a line to w, each with the
// name of the pod.
func NewLogger(w io.Writer, level slog.Level, node string) *slog.Logger {
	handler := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})
	return slog.New(handler).With(KeyNode, node)
}
