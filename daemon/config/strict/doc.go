// Package strict reads a YAML file of people: every problem is found in one reading, each with its place in the file and
// what to write instead, and a key that is not known is one. It guesses nothing and knows no key of its own; a form
// brings those. Checker looks at the files that such a file names, and only reads them.
package strict
