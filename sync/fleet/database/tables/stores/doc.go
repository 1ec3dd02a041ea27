// Package stores keeps what headquarters knows of each store besides its facts and events: whether there is
// contact, and of each of its streams which events are stored, which are missing and which were given up.
//
// The rows of a store change in the transaction that stores what they tell of: after a crash both are
// there or neither. The package counts and remembers; it stores no event itself.
package stores
