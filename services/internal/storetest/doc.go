// Package storetest says in tests what each port promises. Every suite runs on the
// in-memory twin and on the real store, so that a use case tested on the twin can rely on the
// real thing. Programs run on both and compare them. It must not know any real store.
package storetest
