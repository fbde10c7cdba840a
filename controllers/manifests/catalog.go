package manifests

import (
	"encoding/json"
	"fmt"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// Catalog is the catalog of the spec in the words of the services.
func Catalog(spec v1alpha1.CatalogSpec) []ticketing.Event {
	events := make([]ticketing.Event, 0, len(spec.Events))
	for _, e := range spec.Events {
		event := ticketing.Event{
			ID: e.ID, Name: e.Name, Venue: e.Venue,
			StartsAt: e.StartsAt.UTC(),
			Tiers:    make([]ticketing.Tier, 0, len(e.Tiers)),
		}
		if e.SalesOpen != nil {
			event.SalesOpen = e.SalesOpen.UTC()
		}
		if e.SalesClose != nil {
			event.SalesClose = e.SalesClose.UTC()
		}
		for _, t := range e.Tiers {
			event.Tiers = append(event.Tiers, ticketing.Tier{
				ID: t.ID, Name: t.Name,
				Price:       ticketing.Money{Amount: t.Price.Amount, Currency: t.Price.Currency},
				Capacity:    int(t.Capacity),
				MaxPerOrder: int(t.MaxPerOrder),
				MaxPerBuyer: int(t.MaxPerBuyer),
				Fee:         t.Fee, TaxBasisPoints: int(t.TaxBasisPoints),
			})
		}
		for _, p := range e.PromoCodes {
			event.PromoCodes = append(event.PromoCodes, promoCode(p))
		}
		events = append(events, event)
	}
	return events
}

func promoCode(p v1alpha1.CatalogPromoCode) ticketing.PromoCode {
	code := ticketing.PromoCode{
		Code: p.Code, PercentOff: int(p.PercentOff), AmountOff: p.AmountOff, MaxUses: int(p.MaxUses), Tiers: p.Tiers,
	}
	if p.ValidFrom != nil {
		code.ValidFrom = p.ValidFrom.UTC()
	}
	if p.ValidUntil != nil {
		code.ValidUntil = p.ValidUntil.UTC()
	}
	return code
}

// catalogData is the file that the consumer reads at its start.
func catalogData(spec v1alpha1.CatalogSpec) (map[string]string, error) {
	text, err := json.MarshalIndent(Catalog(spec), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode catalog: %w", err)
	}
	return map[string]string{keyCatalog: string(text) + "\n"}, nil
}
