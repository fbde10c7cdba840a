// Package opening opens the sale: it puts the catalog into the ledger, gives the
// arbiter its stock, and lets purchases begin. It is the only writer of both. It must
// not know PostgreSQL or Redis.
package opening
