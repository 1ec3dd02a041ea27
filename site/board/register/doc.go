// Package register is headquarters' register of exceptions: who answers for a patch that is missing
// somewhere, for how long, at what risk, and what is done against it meanwhile.
//
// It is pure. An entry is kept as a note of headquarters; what it says reaches the stores only as
// signed rules of the catalog, and InForce tells in which of them it holds. An entry ends by itself at
// its first moment after: nobody has to do anything for the patch to be due again.
package register
