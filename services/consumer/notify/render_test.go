package notify_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/consumer/notify"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

func makeEmail(locale string, kind notify.Kind) notify.Email {
	return notify.Email{
		ID: notify.EmailID{OrderID: "0192-ab", Kind: kind},
		Order: ticketing.Order{
			ID: "0192-ab", EventID: "aurora", TierID: "general", Quantity: 2,
			Buyer: ticketing.Buyer{Email: "ada@example.com", Name: "Ada", Locale: locale},
			Total: ticketing.Money{Amount: 9000, Currency: "EUR"},
		},
		EventName: "Aurora", Venue: "Teatro Real", TierName: "Platea",
		StartsAt: time.Date(2027, 6, 5, 22, 30, 0, 0, time.FixedZone("CEST", 2*60*60)),
	}
}

// The e-mail body, in each language and of each kind.
func TestEmailBody(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		email notify.Email
		want  notify.Message
	}{
		"e-mail body of a confirmation in English": {
			email: makeEmail("en", notify.KindConfirmation),
			want: notify.Message{
				Subject: "Your tickets for Aurora", Locale: "en",
				Body: `Hello Ada,

your order is confirmed.

Event:    Aurora
When:     Saturday, 5 June 2027, 20:30 UTC
Where:    Teatro Real
Tickets:  2 x Platea
Total:    90.00 EUR
Order:    0192-ab

Your ticket numbers:
  0192-ab-1
  0192-ab-2

Enjoy the show!
`,
			},
		},
		"e-mail body of a confirmation in Spanish": {
			email: makeEmail("es", notify.KindConfirmation),
			want: notify.Message{
				Subject: "Tus entradas para Aurora", Locale: "es",
				Body: `Hola Ada:

Tu pedido está confirmado.

Evento:   Aurora
Cuándo:   sábado, 5 de junio de 2027, 20:30 UTC
Dónde:    Teatro Real
Entradas: 2 x Platea
Total:    90,00 EUR
Pedido:   0192-ab

Los números de tus entradas:
  0192-ab-1
  0192-ab-2

¡Que lo disfrutes!
`,
			},
		},
		"e-mail body of a refusal in English": {
			email: makeEmail("en", notify.KindRefusal),
			want: notify.Message{
				Subject: "Your order for Aurora could not be confirmed", Locale: "en",
				Body: `Hello Ada,

we are sorry: your order could not be confirmed, because there are not enough
seats left. No ticket has been issued and the order is closed.

Event:    Aurora
When:     Saturday, 5 June 2027, 20:30 UTC
Where:    Teatro Real
Tickets:  2 x Platea
Total:    90.00 EUR
Order:    0192-ab

This should not happen. If you write to us, please name the order.
`,
			},
		},
		"e-mail body of a refusal in Spanish": {
			email: makeEmail("es", notify.KindRefusal),
			want: notify.Message{
				Subject: "Tu pedido para Aurora no se ha podido confirmar", Locale: "es",
				Body: `Hola Ada:

Lo sentimos: tu pedido no se ha podido confirmar porque no quedan suficientes
plazas. No se ha emitido ninguna entrada y el pedido queda cerrado.

Evento:   Aurora
Cuándo:   sábado, 5 de junio de 2027, 20:30 UTC
Dónde:    Teatro Real
Entradas: 2 x Platea
Total:    90,00 EUR
Pedido:   0192-ab

Esto no debería ocurrir. Si nos escribes, indica el número de pedido.
`,
			},
		},
		"e-mail body of a cancellation in English": {
			email: makeEmail("en", notify.KindCancellation),
			want: notify.Message{
				Subject: "Your order for Aurora is cancelled", Locale: "en",
				Body: `Hello Ada,

your order is cancelled, as you asked. Its tickets are no longer valid.

Event:    Aurora
When:     Saturday, 5 June 2027, 20:30 UTC
Where:    Teatro Real
Tickets:  2 x Platea
Total:    90.00 EUR
Order:    0192-ab

If it was not you who cancelled it, please write to us and name the order.
`,
			},
		},
		"e-mail body of a cancellation in Spanish": {
			email: makeEmail("es", notify.KindCancellation),
			want: notify.Message{
				Subject: "Tu pedido para Aurora está cancelado", Locale: "es",
				Body: `Hola Ada:

Tu pedido está cancelado, como pediste. Sus entradas ya no son válidas.

Evento:   Aurora
Cuándo:   sábado, 5 de junio de 2027, 20:30 UTC
Dónde:    Teatro Real
Entradas: 2 x Platea
Total:    90,00 EUR
Pedido:   0192-ab

Si no fuiste tú quien lo canceló, escríbenos e indica el número de pedido.
`,
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.want.ID, tc.want.To = tc.email.ID, "ada@example.com"
			got, err := notify.Render(tc.email)
			if err != nil {
				t.Fatalf("Render: %v", err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}

// The e-mail body does without what the ledger does not have.
func TestEmailBodyWithNullData(t *testing.T) {
	t.Parallel()
	email := makeEmail("fr", notify.KindConfirmation)
	email.Order.Buyer.Name, email.EventName, email.Venue, email.TierName = "", "", "", ""
	email.StartsAt = time.Time{}
	email.Order.Total = ticketing.Money{}
	got, err := notify.Render(email)
	if err != nil {
		t.Fatalf("Render: %v", err)
	}
	want := `Hello,

your order is confirmed.

Event:    aurora
Tickets:  2 x general
Total:    0.00
Order:    0192-ab

Your ticket numbers:
  0192-ab-1
  0192-ab-2

Enjoy the show!
`
	if diff := cmp.Diff(want, got.Body); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	if got.Locale != "en" || got.Subject != "Your tickets for aurora" {
		t.Errorf("locale %q, subject %q", got.Locale, got.Subject)
	}
}

func TestEmailMoney(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		locale string
		money  ticketing.Money
		want   string
	}{
		"cents":                        {"en", ticketing.Money{Amount: 5, Currency: "EUR"}, "0.05 EUR"},
		"cents in Spanish":             {"es", ticketing.Money{Amount: 123456, Currency: "EUR"}, "1234,56 EUR"},
		"free":                         {"en", ticketing.Money{Amount: 0, Currency: "USD"}, "0.00 USD"},
		"currency without minor units": {"en", ticketing.Money{Amount: 4500, Currency: "JPY"}, "4500 JPY"},
		"thousandths":                  {"en", ticketing.Money{Amount: 45, Currency: "KWD"}, "0.045 KWD"},
		"negative":                     {"en", ticketing.Money{Amount: -5, Currency: "EUR"}, "-0.05 EUR"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			email := makeEmail(tc.locale, notify.KindRefusal)
			email.Order.Total = tc.money
			got, err := notify.Render(email)
			if err != nil {
				t.Fatalf("Render: %v", err)
			}
			if !strings.Contains(got.Body, "Total:    "+tc.want+"\n") {
				t.Errorf("body has no total %q:\n%s", tc.want, got.Body)
			}
		})
	}
}

// Nothing that an organiser or a buyer writes can end a line, and with it a header.
func TestEmailHeaderInjection(t *testing.T) {
	t.Parallel()
	for name, evil := range map[string]string{
		"line feed":           "Aurora\nBcc: all@example.com",
		"carriage return":     "Aurora\r\nBcc: all@example.com",
		"vertical tab, nul":   "Aurora\v\x00Bcc: all@example.com",
		"next line":           "Aurora\u0085Bcc: all@example.com",
		"line separator":      "Aurora\u2028Bcc: all@example.com",
		"direction override":  "Aurora\u202eBcc: all@example.com",
		"invalid UTF-8":       "Aurora\xffBcc: all@example.com",
		"very long":           "Aurora Bcc: all@example.com" + strings.Repeat(" x", 5000),
		"template directives": "Aurora Bcc: all@example.com {{.Name}}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			email := makeEmail("en", notify.KindConfirmation)
			email.EventName, email.Venue, email.TierName, email.Order.Buyer.Name = evil, evil, evil, evil
			got, err := notify.Render(email)
			if err != nil {
				t.Fatalf("Render: %v", err)
			}
			const prefix = "Your tickets for Aurora Bcc: all@example.com"
			if !strings.HasPrefix(got.Subject, prefix) || strings.ContainsAny(got.Subject, "\r\n\v\x00\u0085\u2028\u202e\ufffd") || len(got.Subject) > 250 {
				t.Errorf("subject is %q", got.Subject)
			}
			if lines := strings.Count(got.Body, "\n"); lines != 16 {
				t.Errorf("the body has %d lines, want 16:\n%s", lines, got.Body)
			}
		})
	}
}

func TestRenderRefusesWhatCannotBeDelivered(t *testing.T) {
	t.Parallel()
	cases := map[string]func(*notify.Email){
		"no address":            func(e *notify.Email) { e.Order.Buyer.Email = "" },
		"header in the address": func(e *notify.Email) { e.Order.Buyer.Email = "ada@example.com\r\nBcc: all@example.com" },
		"two addresses":         func(e *notify.Email) { e.Order.Buyer.Email = "ada@example.com,bob@example.com" },
		"unknown kind":          func(e *notify.Email) { e.ID.Kind = "newsletter" },
	}
	for name, spoil := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			email := makeEmail("en", notify.KindConfirmation)
			spoil(&email)
			_, err := notify.Render(email)
			if !errors.Is(err, notify.ErrUndeliverable) {
				t.Fatalf("error is %v, want one that wraps ErrUndeliverable", err)
			}
			if strings.Contains(err.Error(), "example.com") {
				t.Errorf("the error holds personal data: %v", err)
			}
		})
	}
}

func FuzzRender(f *testing.F) {
	f.Add("Aurora", "Ada", "en")
	f.Add("A\r\nB", "\u202e", "es")
	f.Fuzz(func(t *testing.T, event, name, locale string) {
		email := makeEmail(locale, notify.KindConfirmation)
		email.EventName, email.Order.Buyer.Name = event, name
		got, err := notify.Render(email)
		if err != nil {
			t.Fatalf("Render: %v", err)
		}
		if strings.ContainsAny(got.Subject, "\r\n") || strings.Count(got.Body, "\n") != 16 || strings.Contains(got.Body, "\r") {
			t.Errorf("subject %q, body:\n%q", got.Subject, got.Body)
		}
	})
}
