// Package httpapi is the analytics service's HTTP edge: it says what the reports say, in
// JSON. It must not know PostgreSQL or Redis, and gin does not leave it.
package httpapi
