// Package sim plays whole nights of a drawn store in no real time: the real runner, ledger and
// rules over devices/fake, in a bubble of testing/synctest, with faults out of the catalogue of
// what a store has to survive. An oracle compares every record of the journal with what really
// happened on the devices.
//
// A seed is a night, or a few in a row: the same seed gives the same trace. The package serves
// tests and `make sim` only; it decides nothing, and no program of the product imports it.
//
// # What has to hold, and where it is checked
//
//	 1 last safe start, trusted time     oracle.mayInstall, oracle.byTheClock
//	 2 nothing runs after the window     oracle.bodies, oracle.effect
//	 3 how many of a group may be away   oracle.limits
//	 4 one of a pair is at work          oracle.pair
//	 5 each attempt runs once            oracle.announced, oracle.bodies
//	 6 intent before effect, proof       oracle.effect, oracle.settle, oracle.reallyDone
//	 7 the canary first                  oracle.canary
//	 8 only verified bytes               world's cache gives none that are damaged; the rest is daemon/depot's
//	 9 no login without the pinned key   devices/fake refuses it, and counts logins
//	10 a message told twice does nothing the fault told-twice
//	11 a night is opened once            oracle.planned
//	12 catalogs only go forward          sync/catalog; here the store is told of them
//	13 one rollback, of what was begun   oracle.announced, oracle.bodies
//	14 what was acknowledged is there    disk.check, oracle.wrote; each open step ends: oracle.final
//	15 each verdict reaches headquarters sync/uplink: the box of a simulated night has no line
//	16 nothing is let go unstored        sync/uplink
//	17 a lost journal                    daemon/journal; a fake device keeps what it claimed
//	18 every device ends explicitly      oracle.final, oracle.complete
//	19 what fits is done                 oracle.liveness, in nights without a fault
//	20 the backlog drains                sync/uplink
//	21 no goroutine is left              the bubble: a panic in Play
//	22 the watchdog                      daemon/notify
//	23 green needs fresh results         world.morning
//	24 the page is a function            world.morning asks site/ready, which keeps nothing
//	25 green is true                     world.morning, against devices/fake's truth
//	26 two boxes, one word               two boxes of one store are no part of a night
//	27 order is by number, not by time   oracle.wrote; records are compared where the clock jumps
//	28 everything comes up               campaign.cover
//	29 missing guards are found          Mutants
//	30 a seed repeats                    TestReplay
package sim
