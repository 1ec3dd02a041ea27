// Package journal keeps the one sequence of everything that happened in a store: run.Record after
// run.Record in one bbolt file, each with the hash of the one before, so that a record that was lost,
// changed or moved is noticed.
//
// What it promises. Records that a durable Append returned are there after a power cut, all of them and
// unchanged, or the file is refused with a sentence that says what is wrong with it. A file is checked,
// in a process of its own, before it is used. Nobody sees a durable record before it is on disk.
//
// A journal says which store it is of, and is opened for no other one: Rename is the way of a store with a new id.
//
// What it refuses to do: it repairs nothing by itself, it starts no new journal in the place of a bad
// one, it opens no file of a newer format, it lets nobody hold a transaction, and it knows nothing of
// what the events mean.
//
// The files in the state directory:
//
//	journal.db       the records
//	journal.lock     held while a journal is open, so that there is never a second writer; in it, which
//	                 journal was here and how far it was, so that one that is gone or older is noticed
//	ballast          empty space, given up when the disk is full so that running work can be journalled
//	journal.db.bad-* what Quarantine set aside
//	journal.db.saved-* what was on disk of a journal whose file was removed while it was open
package journal
