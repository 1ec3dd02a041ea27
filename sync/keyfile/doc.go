// Package keyfile keeps the private keys of headquarters in files, one key each, and signs
// with them.
//
// A key is made once, is encrypted with a password unless the password is empty, and tells
// its name and its public half without one. The private half is in memory only after a
// signature needed it.
//
// It refuses to overwrite a key and to sign with one whose halves do not belong together.
// It does not know what a key may sign: the signed roles say that.
package keyfile
