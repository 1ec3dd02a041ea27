// Package patchfile reads patch files: the YAML in which the owner of a patch writes down
// what it is, whom it is for and how it is installed, proved and taken back.
//
// Read says everything that is wrong at once, each thing with its line and column and what to
// write instead. It hashes the artifacts that the file names, where they are.
//
// It refuses keys that it does not know and values that no store could act on, and it guesses
// nothing but what is documented as a default. It writes nothing, and it does not know which
// owners and patches a catalog has.
package patchfile
