// Package fleet listens to every store of an organisation over MQTT 3.1.1 and keeps the board of
// headquarters.
//
// A message is worked on in three places: the callback of the client puts it into a bounded queue
// and waits where that is full, so that a slow disk slows the broker down; one goroutine decodes;
// one writes batches to the database, and only then to the board. What a broker drops because of
// that is a gap, and comes again.
//
// The session is a clean one, a new client for each connection. The store's journal is the queue:
// it keeps every event until `hq/seen` says that it is on the disk here, and sends again what
// `hq/seen` does not pass. A queue in the broker would be a second one that overflows at a few
// hundred messages a store, is lost with the broker, and is flushed before anything live after
// each absence. The acknowledgement to the broker is therefore given when a message is queued.
//
// Snapshots may come in any order, and events too: see package intake for how each is judged. A
// gap in the numbers of a stream is asked for with a hint, ever more rarely, while its store is
// online, and given up when nothing came of it for long enough; what was given up stays visible.
//
// After a crash the board is loaded from the database; whatever was not on the disk comes again.
//
// The package never tells a store to act: a hint can only make it look or repeat.
package fleet
