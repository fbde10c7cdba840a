package notify

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// maxLine bounds what is taken over into one line of an e-mail, in characters.
const maxLine = 200

// letter is what a text is made of; every string is one line of plain text.
type letter struct {
	Name     string
	Event    string
	Venue    string
	When     string
	Tier     string
	Quantity int
	Total    string
	OrderID  string
	Tickets  []string
}

// Render makes the e-mail in the buyer's language; an unknown one gets the default. It
// depends on nothing but e, so that every attempt is the same. Errors wrap
// ErrUndeliverable.
func Render(e Email) (Message, error) {
	if !ticketing.ValidEmail(e.Order.Buyer.Email) {
		return Message{}, fmt.Errorf("render %s of order %s: %w: address is not valid", e.ID.Kind, e.ID.OrderID, ErrUndeliverable)
	}
	locale := e.Order.Buyer.Locale
	language, found := languages[locale]
	if !found {
		locale = ticketing.Locales()[0]
		language = languages[locale]
	}
	text, found := language.texts[e.ID.Kind]
	if !found {
		return Message{}, fmt.Errorf("render order %s: %w: kind %q has no text", e.ID.OrderID, ErrUndeliverable, e.ID.Kind)
	}
	content := newLetter(e, language)
	var subject, body strings.Builder
	if err := text.subject.Execute(&subject, content); err != nil {
		return Message{}, fmt.Errorf("render subject of order %s: %w: %w", e.ID.OrderID, ErrUndeliverable, err)
	}
	if err := text.body.Execute(&body, content); err != nil {
		return Message{}, fmt.Errorf("render body of order %s: %w: %w", e.ID.OrderID, ErrUndeliverable, err)
	}
	return Message{
		ID: e.ID, To: e.Order.Buyer.Email, Locale: locale,
		Subject: oneLine(subject.String()), Body: body.String(),
	}, nil
}

func newLetter(e Email, l language) letter {
	event := oneLine(e.EventName)
	if event == "" {
		event = oneLine(e.Order.EventID)
	}
	tier := oneLine(e.TierName)
	if tier == "" {
		tier = oneLine(e.Order.TierID)
	}
	content := letter{
		Name: oneLine(e.Order.Buyer.Name), Event: event, Venue: oneLine(e.Venue), Tier: tier,
		Quantity: e.Order.Quantity, Total: l.money(e.Order.Total), OrderID: oneLine(string(e.ID.OrderID)),
	}
	if !e.StartsAt.IsZero() {
		content.When = l.date(e.StartsAt.UTC())
	}
	if e.ID.Kind == KindConfirmation {
		content.Tickets = e.Order.Tickets()
	}
	return content
}

// oneLine makes text that may stand in a header or in one line of a body: whatever ends
// a line, controls a terminal or turns the direction of writing becomes a space, runs
// of spaces one, and the rest is cut at maxLine characters.
func oneLine(text string) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, text)
	runes := []rune(strings.Join(strings.Fields(clean), " "))
	return strings.TrimSpace(string(runes[:min(len(runes), maxLine)]))
}

// minorUnits are the currencies whose minor unit is not a hundredth (ISO 4217).
var minorUnits = map[string]int{
	"BHD": 3, "CLP": 0, "ISK": 0, "JOD": 3, "JPY": 0, "KRW": 0, "KWD": 3, "OMR": 3,
	"PYG": 0, "TND": 3, "UGX": 0, "VND": 0, "XAF": 0, "XOF": 0, "XPF": 0,
}

// decimal writes an amount of minor units with its currency: "45.00 EUR".
func decimal(m ticketing.Money, point string) string {
	digits, found := minorUnits[m.Currency]
	if !found {
		digits = 2
	}
	sign, text := "", strconv.FormatInt(m.Amount, 10)
	if m.Amount < 0 {
		sign, text = "-", text[1:]
	}
	if missing := digits + 1 - len(text); missing > 0 {
		text = strings.Repeat("0", missing) + text
	}
	if digits > 0 {
		text = text[:len(text)-digits] + point + text[len(text)-digits:]
	}
	return strings.TrimSpace(sign + text + " " + oneLine(m.Currency))
}

func englishDate(t time.Time) string { return t.Format("Monday, 2 January 2006, 15:04 MST") }

func spanishDate(t time.Time) string {
	weekdays := [...]string{"domingo", "lunes", "martes", "miércoles", "jueves", "viernes", "sábado"}
	months := [...]string{
		"enero", "febrero", "marzo", "abril", "mayo", "junio",
		"julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
	}
	return fmt.Sprintf("%s, %d de %s de %d, %s",
		weekdays[t.Weekday()], t.Day(), months[t.Month()-1], t.Year(), t.Format("15:04 MST"))
}
