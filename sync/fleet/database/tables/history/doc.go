// Package history reads the events that stores told, and packs old ones.
//
// An event is kept as a row for about a month after headquarters received it. Then Compact puts it into a pack:
// the events of one stream that were received on one day, compressed. A query finds it there as before.
// After 13 months packs are removed.
//
// The rows of a stream are the newest of its events, but not all of these lie after the last pack: an event
// that came late is a row among packed ones until it is old itself. What Compact packs while somebody reads is
// neither missed nor given twice.
package history
