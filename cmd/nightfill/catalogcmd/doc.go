// Package catalogcmd is `nightfill catalog`: how headquarters makes, signs, releases and
// publishes patches. It asks, prints and exits; what is done is in sync/publish, and what
// a store would say to it in sync/catalog.
package catalogcmd
