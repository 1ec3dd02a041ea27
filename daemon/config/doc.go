// Package config reads the store file (store.yaml) into a Config: strictly, with every problem reported at once, each
// with its place in the file and what to write instead. How such a file is read is in strict, its window and its
// opening hours in calendar; the headquarters file (hq.yaml) is in hqfile.
//
// Parse looks at nothing but the text it is given. Check looks at the files that
// the store file names, and only reads them. The package never writes, never
// reaches the network and never guesses: a key that it does not know, a window
// that makes no sense and a zone that does not exist are refused, because a store
// that runs with half of its rules is worse than one that says what is wrong.
package config
