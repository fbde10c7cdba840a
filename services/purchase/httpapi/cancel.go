package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/eventflow-dev/eventflow/services/internal/httpserver"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// The statuses of a cancellation that buyers see.
const (
	statusCancelled      = "CANCELLED"
	statusCancelledAsync = "CANCELLED_ASYNC"
)

// cancel gives an order's seats back.
func (a *api) cancel(c *gin.Context) {
	email, ok := a.readCancellation(c)
	if !ok {
		return
	}
	id, ok := a.orderID(c)
	if !ok {
		return
	}
	prefer := preferred(c.Request, a.d.Wait)
	if prefer.applied != "" {
		c.Header("Preference-Applied", prefer.applied)
	}
	cancelled, err := a.d.Shop.Cancel(c.Request.Context(), id, email, prefer.wait)
	var e *ticketing.Error
	switch {
	case err == nil:
		a.answerCancelled(c, cancelled)
	case errors.As(err, &e) && e.Code == ticketing.CodeOutcomeUnknown:
		a.failOrder(c, e, id)
	default:
		a.fail(c, err)
	}
}

// answerCancelled says how far the cancellation has come. Both answers are final.
func (a *api) answerCancelled(c *gin.Context, cancelled checkout.Cancelled) {
	code, status := http.StatusOK, statusCancelled
	if !cancelled.Settled {
		code, status = http.StatusAccepted, statusCancelledAsync
	}
	record := checkout.Record{Order: cancelled.Order, State: ticketing.StateCancelled}
	header := c.Writer.Header()
	header.Set("Location", location(cancelled.Order.ID))
	header.Set("Cache-Control", "private, no-store")
	httpserver.WriteJSON(c.Writer, code, newOrderBody(record, status))
}

// readCancellation reads the buyer's address, or answers with everything that is wrong.
func (a *api) readCancellation(c *gin.Context) (string, bool) {
	var email string
	var m misread
	ok := a.readBody(c, "cancellation", func(body []byte) (err error) {
		m, err = decodeObject(body, "a cancellation", func(name string, raw []byte) (string, bool) {
			if name != "email" {
				return "", false
			}
			return setString(&email, raw), true
		})
		return err
	})
	if !ok {
		return "", false
	}
	wrong := m.mistyped
	switch {
	case len(wrong) > 0:
	case email == "":
		wrong = []ticketing.FieldError{{Field: "email", Reason: "is required"}}
	case !ticketing.ValidEmail(email):
		wrong = []ticketing.FieldError{{Field: "email", Reason: "must be an e-mail address"}}
	}
	switch {
	case len(m.strange) > 0:
		a.malformed(c, fmt.Sprintf("%q %s", m.strange[0].Field, m.strange[0].Reason), slices.Concat(m.strange, wrong)...)
		return "", false
	case len(wrong) > 0:
		a.fail(c, &ticketing.Error{Code: ticketing.CodeInvalid, Message: "the cancellation is not valid", Fields: wrong})
		return "", false
	}
	return email, true
}
