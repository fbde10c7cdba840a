package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/eventflow-dev/eventflow/services/internal/httpserver"
	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// The statuses that buyers see.
const (
	statusAccepted      = "ACCEPTED"
	statusAcceptedAsync = "ACCEPTED_ASYNC"
)

// orderBody is an order as it is shown. It has nothing of the buyer in it: whoever knows
// an order's id sees it.
type orderBody struct {
	Status   string            `json:"status"`
	OrderID  ticketing.OrderID `json:"order_id"`
	EventID  string            `json:"event_id"`
	Tier     string            `json:"tier"`
	Quantity int               `json:"quantity"`
	Total    ticketing.Money   `json:"total"`
	// Price is how Total comes about; orders from before prices were broken down have none.
	Price   ticketing.Price `json:"price,omitzero"`
	Node    string          `json:"node"`
	Receipt string          `json:"receipt,omitempty"`
	Tickets []string        `json:"tickets,omitempty"`
}

func newOrderBody(r checkout.Record, status string) orderBody {
	o := r.Order
	body := orderBody{
		Status: status, OrderID: o.ID, EventID: o.EventID, Tier: o.TierID,
		Quantity: o.Quantity, Total: o.Total, Price: o.Price, Node: o.Node,
	}
	if r.State == ticketing.StateConfirmed {
		body.Tickets = o.Tickets()
	}
	return body
}

func location(id ticketing.OrderID) string { return "/orders/" + string(id) }

// purchase sells.
func (a *api) purchase(c *gin.Context) {
	p, key, ok := a.readPurchase(c)
	if !ok {
		return
	}
	prefer := preferred(c.Request, a.d.Wait)
	if prefer.applied != "" {
		c.Header("Preference-Applied", prefer.applied)
	}
	record, err := a.d.Shop.Buy(c.Request.Context(), p, key, prefer.wait)
	if id := record.Order.ID; id != "" {
		c.Set(orderKey, string(id))
	}
	var e *ticketing.Error
	switch {
	case err == nil:
		a.answerPurchase(c, record)
	case errors.As(err, &e) && e.Code == ticketing.CodeOutcomeUnknown:
		a.failOrder(c, e, record.Order.ID)
	default:
		a.fail(c, err)
	}
}

// answerPurchase says what has become of the order.
func (a *api) answerPurchase(c *gin.Context, r checkout.Record) {
	code, status := http.StatusOK, string(r.State)
	switch r.State {
	case ticketing.StateConfirmed:
		code = http.StatusCreated
	case ticketing.StatePending, ticketing.StateAccepted:
		code, status = http.StatusAccepted, statusAcceptedAsync
	case ticketing.StateRefused:
		a.failOrder(c, &ticketing.Error{
			Code: ticketing.CodeSoldOut, Message: "the ledger had no room for this order: it is REFUSED, and nothing was sold",
		}, r.Order.ID)
		return
	case ticketing.StateCancelled: // 200: nothing is made by this request
	}
	body := newOrderBody(r, status)
	receipt, err := a.d.Receipts.Sign(r.Order)
	if err != nil {
		// The order is durable: the answer must say so, with a receipt or without.
		a.d.Logger.ErrorContext(c.Request.Context(), "Signing a receipt failed",
			telemetry.KeyOrderID, r.Order.ID, telemetry.KeyError, err)
	}
	body.Receipt = receipt
	header := c.Writer.Header()
	header.Set("Location", location(r.Order.ID))
	header.Set("Cache-Control", "no-store")
	httpserver.WriteJSON(c.Writer, code, body)
}

// readPurchase reads the request, or answers with everything that is wrong with it.
func (a *api) readPurchase(c *gin.Context) (ticketing.Purchase, checkout.Key, bool) {
	var d decoded
	ok := a.readBody(c, "purchase", func(body []byte) (err error) {
		d, err = decodePurchase(body)
		return err
	})
	if !ok {
		return ticketing.Purchase{}, "", false
	}
	key, wrong := idempotencyKey(c.Request)
	wrong = slices.Concat(d.mistyped, wrong)
	if len(wrong) == 0 && len(d.strange) == 0 {
		return d.purchase, key, true
	}
	// It is refused: say all that is wrong in one answer.
	for _, f := range a.d.Shop.Check(d.purchase) {
		named := func(other ticketing.FieldError) bool { return other.Field == f.Field }
		if !slices.ContainsFunc(wrong, named) {
			wrong = append(wrong, f)
		}
	}
	if len(d.strange) > 0 {
		a.malformed(c, fmt.Sprintf("%q %s", d.strange[0].Field, d.strange[0].Reason), slices.Concat(d.strange, wrong)...)
		return ticketing.Purchase{}, "", false
	}
	a.fail(c, &ticketing.Error{Code: ticketing.CodeInvalid, Message: "the purchase is not valid", Fields: wrong})
	return ticketing.Purchase{}, "", false
}
