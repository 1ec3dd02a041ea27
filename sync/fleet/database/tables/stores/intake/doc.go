// Package intake stores what the stores tell, and what headquarters decides about a store: that missing events
// are given up, and that a store is closed.
//
// A batch of messages is stored in one transaction, in these steps: the rows of its stores are read (package
// stores), each message is taken in turn and tells which events are new and which facts it brings, the events
// are written, the facts are compared with those that hold and written where they replace them, and the rows
// are saved. What changed is returned, for the board.
//
// The row of a stream says which of its events are stored, and changes in the transaction that stores
// them: each event is stored exactly once, whatever is repeated, comes in another order, or is cut off by a
// crash, and whoever else writes to the same database.
package intake
