package checkout_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

func TestGuard(t *testing.T) {
	t.Parallel()
	wrong := errors.New("appendfsync is everysec, always is needed")
	cases := map[string]struct {
		reason string
		checks []error
		want   ticketing.Code
		logged int
	}{
		"not reached yet":         {"closed until it is known to be right", []error{checkout.ErrUnavailable}, ticketing.CodeStoreUnavailable, 0},
		"right":                   {"", []error{nil}, "", 0},
		"reached at last":         {"", []error{checkout.ErrUnavailable, context.DeadlineExceeded, nil}, "", 0},
		"wrong":                   {"logged once", []error{wrong, wrong, wrong}, ticketing.CodeSalePaused, 1},
		"set right":               {"", []error{wrong, nil}, "", 1},
		"right, then away":        {"what is known stays known", []error{nil, checkout.ErrUnavailable}, "", 0},
		"wrong, then away":        {"", []error{wrong, checkout.ErrUnavailable}, ticketing.CodeSalePaused, 1},
		"made wrong while it ran": {"", []error{nil, wrong}, ticketing.CodeSalePaused, 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log output
				var n atomic.Int64
				guard := checkout.NewGuard(func(context.Context) error {
					return tc.checks[min(int(n.Add(1)), len(tc.checks))-1]
				}, slog.New(slog.NewJSONHandler(&log, nil)))
				if ticketing.ErrorCode(guard.Err()) != ticketing.CodeStoreUnavailable {
					t.Error("open before the first check")
				}
				background(t, guard.Run)
				time.Sleep(2 * time.Minute)
				if got := ticketing.ErrorCode(guard.Err()); got != tc.want {
					t.Errorf("%s: Err = %q, want %q", tc.reason, got, tc.want)
				}
				if got := log.count(wrong.Error()); got != tc.logged {
					t.Errorf("%s: logged %d times, want %d", tc.reason, got, tc.logged)
				}
			})
		})
	}
}
