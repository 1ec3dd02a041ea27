// Package database keeps what headquarters heard of its stores: in SQLite beside the program, or
// in PostgreSQL. It has one schema and one behaviour on both.
//
// A DB is opened here; what is done with it lies in packages with one purpose each, whose methods it has:
//
//	tables                the two databases in one way: connections, schema, transactions, statements
//	tables/stores         of each store: contact, and which events are stored, missing, given up
//	tables/stores/intake  Take: what came from a broker is stored; GiveUp, CloseStore
//	tables/told           what holds, for the board and the pages: facts, days
//	tables/history        events, for the pages and the auditor; old ones are packed
//	tables/notebook       what people do at headquarters: notes, the audit log
//
// Each event is stored exactly once, whatever is repeated, comes in another order, or is cut off by a crash, and
// whoever else writes to the same database. Whatever Take returned is on the disk.
//
// The package decides which fact holds and keeps no board of its own. It refuses to be a place
// for anything that is not told by a store or done by a person at headquarters.
package database
