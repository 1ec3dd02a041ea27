// Package roles keeps the signed roles of a catalog in a directory: who must sign what, what
// enough keys signed, and what waits for signatures.
//
// A new version of a role is pending until enough keys signed it and everything still verifies
// from the root down; then Settle puts it in force. Keys are replaced the same way. Every step
// is written before the next begins, so a crash loses at most the step that ran.
//
// It does not know what the listed files are, asks nobody and reads no clock. It refuses to
// lower a version and to put in force what a store would not accept.
package roles
