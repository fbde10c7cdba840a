// Package model is the purchase protocol as an explicit-state model: a handful of
// orders for fewer seats, every store and process as a few bytes of state, every step
// and every fault as a transition. Explore visits every interleaving and reports the
// shortest run that breaks a promise.
//
// A Variant leaves one piece of the protocol out; each must be caught, which shows
// that the model can see the mistake, and that the piece is needed.
//
// The model shows the design's logic, not the code's: steps are atomic, there is no
// clock, PostgreSQL never loses what it committed. It must not know the services.
package model
