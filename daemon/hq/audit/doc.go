// Package audit makes evidence packs of many stores from the database of headquarters: the records of each store
// as they came, the signed catalogs as headquarters read them, how every patch stood on every device,
// the register of exceptions and headquarters' own audit log.
//
// Of everything it tells what headquarters had received at the as-of, so that the same as-of gives the same
// bytes, as long as the stores are described as they were and nobody changed an exception. It only reads.
package audit
