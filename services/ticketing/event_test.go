package ticketing_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

func TestOnSale(t *testing.T) {
	t.Parallel()
	var always ticketing.Event
	cases := map[string]struct {
		event ticketing.Event
		at    time.Time
		want  bool
	}{
		"no window":     {always, noon, true},
		"before":        {aurora(), noon.Add(-2 * time.Hour), false},
		"at the start":  {aurora(), noon.Add(-time.Hour), true},
		"within":        {aurora(), noon, true},
		"just in time":  {aurora(), noon.Add(time.Hour - 1), true},
		"at the end":    {aurora(), noon.Add(time.Hour), false},
		"open end":      {ticketing.Event{SalesOpen: noon}, noon.AddDate(9, 0, 0), true},
		"open start":    {ticketing.Event{SalesClose: noon}, time.Time{}, true},
		"after the end": {ticketing.Event{SalesClose: noon}, noon.Add(1), false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tc.event.OnSale(tc.at); got != tc.want {
				t.Errorf("OnSale = %v", got)
			}
		})
	}
}

func TestTier(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		event ticketing.Event
		id    string
		want  string
	}{
		"by id":             {aurora(), "vip", "vip"},
		"unknown":           {aurora(), "balcony", ""},
		"the only one":      {oneTier(), "", "general"},
		"one of two":        {aurora(), "", ""},
		"none":              {ticketing.Event{}, "", ""},
		"only one, unknown": {oneTier(), "vip", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, found := tc.event.Tier(tc.id)
			if got.ID != tc.want || found != (tc.want != "") {
				t.Errorf("Tier(%q) = %q, %v", tc.id, got.ID, found)
			}
		})
	}
}

func TestValidateCatalog(t *testing.T) {
	t.Parallel()
	if err := ticketing.ValidateCatalog([]ticketing.Event{aurora()}); err != nil {
		t.Errorf("a good catalog is refused: %v", err)
	}
	cases := map[string]struct {
		change func(*ticketing.Event)
		want   string
	}{
		"id":             {func(e *ticketing.Event) { e.ID = "Aurora" }, "id must be"},
		"name":           {func(e *ticketing.Event) { e.Name = "" }, "name is empty"},
		"no tier":        {func(e *ticketing.Event) { e.Tiers = nil }, "has no tier"},
		"window":         {func(e *ticketing.Event) { e.SalesClose = e.SalesOpen }, "sales_close is not after sales_open"},
		"tier id":        {func(e *ticketing.Event) { e.Tiers[0].ID = "-" }, "tier \"-\": id must be"},
		"same tier":      {func(e *ticketing.Event) { e.Tiers[0].ID = "vip" }, "tier \"vip\": id is not unique"},
		"negative price": {func(e *ticketing.Event) { e.Tiers[0].Price.Amount = -1 }, "price -1 EUR is not valid"},
		"currency":       {func(e *ticketing.Event) { e.Tiers[0].Price.Currency = "€" }, "price 4500 € is not valid"},
		"capacity":       {func(e *ticketing.Event) { e.Tiers[0].Capacity = -1 }, "capacity is negative"},
		"limit":          {func(e *ticketing.Event) { e.Tiers[0].MaxPerOrder = -1 }, "max_per_order is negative"},
		"buyer's limit":  {func(e *ticketing.Event) { e.Tiers[0].MaxPerBuyer = -1 }, "tier \"general\": max_per_buyer is negative"},
		"fee":            {func(e *ticketing.Event) { e.Tiers[0].Fee = -1 }, "tier \"general\": fee is negative"},
		"negative tax":   {func(e *ticketing.Event) { e.Tiers[0].TaxBasisPoints = -1 }, "tax_basis_points must be 0 to 10000"},
		"tax over 100 %": {func(e *ticketing.Event) { e.Tiers[0].TaxBasisPoints = 10_001 }, "tax_basis_points must be 0 to 10000"},
		"order too dear": {func(e *ticketing.Event) { e.Tiers[1].Fee = math.MaxInt64 / 9 }, "tier \"vip\": the greatest order's price is too great"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			event := aurora()
			tc.change(&event)
			err := ticketing.ValidateCatalog([]ticketing.Event{event})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("ValidateCatalog = %v, want %q", err, tc.want)
			}
		})
	}
	twice := ticketing.ValidateCatalog([]ticketing.Event{aurora(), aurora()})
	if twice == nil || !strings.Contains(twice.Error(), `events[1] "aurora": id is not unique`) {
		t.Errorf("two events of one id: %v", twice)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("buy: %w", &ticketing.Error{Code: ticketing.CodeSoldOut, Message: "none left"})
	if got := ticketing.ErrorCode(err); got != ticketing.CodeSoldOut {
		t.Errorf("ErrorCode = %q", got)
	}
	if !errors.Is(err, &ticketing.Error{Code: ticketing.CodeSoldOut}) || errors.Is(err, &ticketing.Error{Code: ticketing.CodeInvalid}) {
		t.Error("errors.Is does not compare by code")
	}
	if got := ticketing.ErrorCode(errors.New("disk on fire")); got != "" {
		t.Errorf("ErrorCode of another error = %q", got)
	}
}
