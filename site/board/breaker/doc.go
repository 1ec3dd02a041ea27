// Package breaker says when a patch breaks so many stores that it should go no further: it counts, in
// each ring, in how many of the stores that tried a patch it failed, and proposes to stop it.
//
// It is pure and does nothing itself. What is done with a proposal, people say, or the key that they
// gave headquarters for it.
package breaker
