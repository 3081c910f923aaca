package main

import (
	"fmt"
	"slices"
	"testing"
)

// hand is what redistest asks of a test, for a program: it clears up at the end, and what cannot be done ends the play.
type hand struct {
	testing.TB // for its private method alone
	cleanups   []func()
}

// failure is what a hand panics with.
type failure struct{ error }

func (*hand) Helper() {}

func (h *hand) Cleanup(f func()) { h.cleanups = append(h.cleanups, f) }

func (*hand) Fatal(args ...any) { panic(failure{fmt.Errorf("%s", fmt.Sprint(args...))}) }

func (*hand) Errorf(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

func (*hand) Fatalf(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

// clear does what is to be done at the end, the latest first.
func (h *hand) clear() {
	for _, f := range slices.Backward(h.cleanups) {
		f()
	}
	h.cleanups = nil
}

// caught turns the panic of a hand into an error; it is deferred.
func caught(err *error) {
	switch cause := recover().(type) {
	case nil:
	case failure:
		*err = cause.error
	default:
		panic(cause)
	}
}
