// Package ready turns readiness results into the one word about a store: may it
// open? It judges by what the store must be able to do, never by counting
// devices or patches, and it never takes silence for good news: a result that is
// missing, too old, from the future or from before this start proves nothing.
//
// It looks at nothing itself and keeps nothing: Judge is a function of its
// Input. What a shop reads about its readiness is in the files of words, one a language.
package ready
