package httpapi

import (
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/eventflow-dev/eventflow/services/internal/httpserver"
	"github.com/eventflow-dev/eventflow/services/purchase/storefront"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// order shows an order as it is now.
func (a *api) order(c *gin.Context) {
	id, ok := a.orderID(c)
	if !ok {
		return
	}
	record, err := a.d.Shop.Order(c.Request.Context(), id)
	if err != nil {
		a.fail(c, err)
		return
	}
	status := string(record.State)
	if record.State == ticketing.StatePending {
		status = statusAccepted // durable, and on its way: buyers need not tell the two apart
	}
	c.Header("Cache-Control", "private, no-store")
	httpserver.WriteJSON(c.Writer, http.StatusOK, newOrderBody(record, status))
}

// orderID returns the id in the path. It answers, without asking a store, where no order
// has such an id.
func (a *api) orderID(c *gin.Context) (ticketing.OrderID, bool) {
	id := ticketing.OrderID(c.Param("id"))
	if !canonicalUUID(string(id)) {
		a.fail(c, &ticketing.Error{Code: ticketing.CodeUnknownOrder, Message: fmt.Sprintf("there is no order %q", id)})
		return "", false
	}
	c.Set(orderKey, string(id))
	return id, true
}

func canonicalUUID(id string) bool {
	parsed, err := uuid.Parse(id)
	return err == nil && parsed.String() == id
}

// receiptKeys shows the public keys that receipts are verified with.
func (a *api) receiptKeys(c *gin.Context) {
	c.Header("Cache-Control", "public, max-age=3600, stale-if-error=86400")
	c.Data(http.StatusOK, "application/jwk-set+json", a.d.Receipts.JWKS())
}

type healthBody struct {
	Status    string               `json:"status"`
	Node      string               `json:"node"`
	Version   string               `json:"version"`
	Mode      storefront.Mode      `json:"mode"`
	Accepting bool                 `json:"accepting"`
	Stores    map[string]storeBody `json:"stores"`
}

type storeBody struct {
	State string    `json:"state"`
	Since time.Time `json:"since"`
}

func newStoreBody(s storefront.StoreState) storeBody {
	if s.Up {
		return storeBody{State: "UP", Since: s.Since}
	}
	return storeBody{State: "DOWN", Since: s.Since}
}

// health shows how the pod is. It is 200 for as long as the pod serves: no probe is to
// act on what it says about stores.
func (a *api) health(c *gin.Context) {
	s := a.d.Front.Status()
	c.Header("Cache-Control", "no-store")
	httpserver.WriteJSON(c.Writer, http.StatusOK, healthBody{
		Status: "ok", Node: a.d.Node, Version: a.d.Version, Mode: s.Mode, Accepting: s.Accepting,
		Stores: map[string]storeBody{
			"postgres": newStoreBody(s.Postgres), "redis": newStoreBody(s.Redis), "rabbitmq": newStoreBody(s.RabbitMQ),
		},
	})
}

type indexBody struct {
	Name  string            `json:"name"`
	Node  string            `json:"node"`
	Links map[string]string `json:"links"`
}

// index shows where everything is.
func (a *api) index(c *gin.Context) {
	httpserver.WriteJSON(c.Writer, http.StatusOK, indexBody{
		Name: "EventFlow", Node: a.d.Node,
		Links: map[string]string{
			"events": "/events", "purchase": "/purchase", "order": "/orders/{id}",
			"cancel": "/orders/{id}/cancel",
			"health": "/health", "receipt_keys": "/.well-known/eventflow-receipts",
		},
	})
}
