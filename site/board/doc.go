// Package board is what headquarters knows of its stores, as values and rules: what an event or
// a snapshot of a store tells (Project, Snapshot), and the Board that everything told adds up to.
//
// Everything told is a Fact: one register of one store, with the place in the store's history at
// which it was told. Of two facts with the same key the one told later in that history holds,
// whatever order they arrive in. So the board is the same however messages were shuffled,
// repeated or delayed on the way, and a fact that is applied twice changes nothing. Only snapshots
// of the same place in the history go by their arrival; of one topic, a broker keeps the order.
//
// A store that was imaged anew or restored begins a new stream. Headquarters numbers the streams
// of a store in the order in which it met them; what a newer stream tells replaces what an older
// one told, and the older one's events stay.
package board
