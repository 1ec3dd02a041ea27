// Package hq is headquarters: it makes all parts, gives each what it needs, runs them and stops them.
// It is the one place where the fleet over MQTT, its database, the pages, the accounts and the catalog
// are known together.
//
//   - sync/fleet hears the stores and keeps the board; the database decides what holds.
//   - ui/fleet shows the board; ui/signin stands before it and says who asks.
//   - escalate tells people of what nobody took on.
//   - catalogdesk drafts what people sign, and stops what breaks too many stores.
//   - control, on a unix socket, looks after accounts and tokens.
//
// Everything that must not be forgotten is in the database, but for the accounts, which are a file in the
// state directory. A crash loses nothing that a store was told to be stored: the store keeps it until then.
package hq
