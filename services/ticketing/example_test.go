package ticketing_test

import (
	"errors"
	"fmt"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// A purchase is checked against the event it names, and priced.
func ExamplePlace() {
	order, err := ticketing.Place(ticketing.Purchase{
		EventID: "aurora", TierID: "general", Quantity: 2, Email: "ada@example.com",
	}, aurora(), true, noon)
	fmt.Println(order.Tier(), order.Total, err)
	// Output: aurora/general 9000 EUR <nil>
}

// A percentage is rounded once an order, half away from zero.
func ExamplePriceOf() {
	tier := ticketing.Tier{Price: ticketing.Money{Amount: 1995, Currency: "EUR"}, Fee: 150, TaxBasisPoints: 2100}
	price, err := ticketing.PriceOf(tier, &ticketing.PromoCode{Code: "EARLY", PercentOff: 10}, 3)
	fmt.Printf("%+v %v\n", price, err)
	// Output: {Subtotal:5985 Discount:599 Fee:450 Tax:1226 Total:7062 Currency:EUR} <nil>
}

// Every wrong field is named at once.
func ExamplePlace_invalid() {
	_, err := ticketing.Place(ticketing.Purchase{EventID: "aurora", TierID: "general", Email: "ada"}, aurora(), true, noon)
	if e, ok := errors.AsType[*ticketing.Error](err); ok {
		for _, f := range e.Fields {
			fmt.Println(f.Field, f.Reason)
		}
	}
	// Output:
	// quantity must be at least 1
	// email must be an e-mail address
}

// A message that can never be read is poison: trying again is no use.
func ExampleDecodeOrder() {
	_, err := ticketing.DecodeOrder([]byte(`{"v":7}`))
	fmt.Println(errors.Is(err, ticketing.ErrPoison), err)
	// Output: true message cannot be read: version 7, known are 1 and 2
}

// Prices are whole minor units, so that sums are exact.
func ExampleMoney_Times() {
	total, err := ticketing.Money{Amount: 1999, Currency: "EUR"}.Times(3)
	fmt.Println(total, err)
	// Output: 5997 EUR <nil>
}
