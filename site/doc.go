// Package site holds the nouns of a store as plain values: what is in it, what
// may be installed in it, what was seen of it, and why a thing was decided.
//
// Everything below site/ is pure: no I/O, no clock, no goroutine, no logging,
// standard library only. Time is an argument. A test at the root of the module
// (arch_test.go) enforces this.
package site
