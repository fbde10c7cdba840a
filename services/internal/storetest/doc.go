// Package storetest says in tests what each port promises. Every suite runs on the
// in-memory twin and on the real store, so that a use case tested on the twin can rely on the
// real thing. It must not know which store it is run on.
package storetest
