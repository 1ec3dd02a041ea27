// Package books remembers what headquarters has to say to each store: which events it lacks (Gaps), which are on its
// disk (Seen), and that the store is to post anew what the broker does not show of it (Roll).
//
// A book says what is due at a moment, and says nothing to anybody itself. Books are of the moment: after a
// crash they are empty, and filled from the database and the broker.
package books
