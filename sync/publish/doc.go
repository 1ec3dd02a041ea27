// Package publish is headquarters' side of the signed catalog: drafts, sign-off, release,
// withdrawal and the writing of the static files that stores fetch.
//
// A Repo is a directory. Every step is written there before the next begins, so a crash
// loses at most the step that ran, and two people with different keys can work on it one
// after the other. What leaves it for the stores is only what is signed by enough keys.
//
// What may be signed by whom, and what is, is kept by its package roles, and what stores see
// by its package static. The keys are the caller's.
//
// It refuses to lower a version, to publish what a store would refuse, and to change a patch
// that is already signed: a change gets a new id.
package publish
