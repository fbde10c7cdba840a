package notify

import (
	"text/template"
	"time"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// language is how one locale writes.
type language struct {
	money func(ticketing.Money) string
	date  func(time.Time) string
	texts map[Kind]text
}

type text struct{ subject, body *template.Template }

// languages has one entry for each of ticketing.Locales.
var languages = map[string]language{
	"en": {
		money: func(m ticketing.Money) string { return decimal(m, ".") },
		date:  englishDate,
		texts: map[Kind]text{
			KindConfirmation: makeText("Your tickets for {{.Event}}", `Hello{{with .Name}} {{.}}{{end}},

your order is confirmed.

Event:    {{.Event}}
{{with .When}}When:     {{.}}
{{end}}{{with .Venue}}Where:    {{.}}
{{end}}Tickets:  {{.Quantity}} x {{.Tier}}
Total:    {{.Total}}
Order:    {{.OrderID}}

Your ticket numbers:
{{range .Tickets}}  {{.}}
{{end}}
Enjoy the show!
`),
			KindRefusal: makeText("Your order for {{.Event}} could not be confirmed", `Hello{{with .Name}} {{.}}{{end}},

we are sorry: your order could not be confirmed, because there are not enough
seats left. No ticket has been issued and the order is closed.

Event:    {{.Event}}
{{with .When}}When:     {{.}}
{{end}}{{with .Venue}}Where:    {{.}}
{{end}}Tickets:  {{.Quantity}} x {{.Tier}}
Total:    {{.Total}}
Order:    {{.OrderID}}

This should not happen. If you write to us, please name the order.
`),
			KindCancellation: makeText("Your order for {{.Event}} is cancelled", `Hello{{with .Name}} {{.}}{{end}},

your order is cancelled, as you asked. Its tickets are no longer valid.

Event:    {{.Event}}
{{with .When}}When:     {{.}}
{{end}}{{with .Venue}}Where:    {{.}}
{{end}}Tickets:  {{.Quantity}} x {{.Tier}}
Total:    {{.Total}}
Order:    {{.OrderID}}

If it was not you who cancelled it, please write to us and name the order.
`),
		},
	},
	"es": {
		money: func(m ticketing.Money) string { return decimal(m, ",") },
		date:  spanishDate,
		texts: map[Kind]text{
			KindConfirmation: makeText("Tus entradas para {{.Event}}", `Hola{{with .Name}} {{.}}{{end}}:

Tu pedido está confirmado.

Evento:   {{.Event}}
{{with .When}}Cuándo:   {{.}}
{{end}}{{with .Venue}}Dónde:    {{.}}
{{end}}Entradas: {{.Quantity}} x {{.Tier}}
Total:    {{.Total}}
Pedido:   {{.OrderID}}

Los números de tus entradas:
{{range .Tickets}}  {{.}}
{{end}}
¡Que lo disfrutes!
`),
			KindRefusal: makeText("Tu pedido para {{.Event}} no se ha podido confirmar", `Hola{{with .Name}} {{.}}{{end}}:

Lo sentimos: tu pedido no se ha podido confirmar porque no quedan suficientes
plazas. No se ha emitido ninguna entrada y el pedido queda cerrado.

Evento:   {{.Event}}
{{with .When}}Cuándo:   {{.}}
{{end}}{{with .Venue}}Dónde:    {{.}}
{{end}}Entradas: {{.Quantity}} x {{.Tier}}
Total:    {{.Total}}
Pedido:   {{.OrderID}}

Esto no debería ocurrir. Si nos escribes, indica el número de pedido.
`),
			KindCancellation: makeText("Tu pedido para {{.Event}} está cancelado", `Hola{{with .Name}} {{.}}{{end}}:

Tu pedido está cancelado, como pediste. Sus entradas ya no son válidas.

Evento:   {{.Event}}
{{with .When}}Cuándo:   {{.}}
{{end}}{{with .Venue}}Dónde:    {{.}}
{{end}}Entradas: {{.Quantity}} x {{.Tier}}
Total:    {{.Total}}
Pedido:   {{.OrderID}}

Si no fuiste tú quien lo canceló, escríbenos e indica el número de pedido.
`),
		},
	},
}

func makeText(subject, body string) text {
	return text{
		subject: template.Must(template.New("subject").Parse(subject)),
		body:    template.Must(template.New("body").Parse(body)),
	}
}
