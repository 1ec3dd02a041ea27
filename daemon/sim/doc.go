// Package sim plays whole nights of a drawn store in no real time: the real runner, ledger and
// rules over devices/fake, in a bubble of testing/synctest, with faults out of the catalogue of
// what a store has to survive. An oracle compares every record of the journal with what really
// happened on the devices.
//
// A seed is a night: the same seed gives the same trace. The package serves tests and
// `make sim` only; it decides nothing, and no program of the product imports it.
package sim
