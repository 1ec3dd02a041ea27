// Package depot keeps the bytes of artifacts in the store, each in a file named by its digest.
//
// A file with that name is complete: it was hashed while it arrived and renamed only then.
// What is still on its way has the ending .part and is resumed where it stopped, after a
// drop of the line, a crash or a power cut.
//
// It decides nothing about what may be installed: it is told digest and size by the signed
// catalog. It refuses bytes that have another digest, and never trusts a length, a range
// or a status that a server claims.
package depot
