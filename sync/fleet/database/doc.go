// Package database keeps what headquarters heard of its stores: in SQLite beside the program, or
// in PostgreSQL. It has one schema and one behaviour on both.
//
// Take stores a batch of messages in one transaction. The row of a stream says which of its
// events are stored, and changes in the transaction that stores them: each event is stored
// exactly once, whatever is repeated, comes in another order, or is cut off by a crash, and
// whoever else writes to the same database. Whatever Take returned is on the disk.
//
// The package decides which fact holds and keeps no board of its own. It refuses to be a place
// for anything that is not told by a store or done by a person at headquarters.
package database
