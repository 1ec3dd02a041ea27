// Package catalog is the store's side of the signed catalog: it fetches what headquarters
// published, verifies it, and answers what is approved now, with or without the WAN.
//
// The provisioned root file is the only thing trusted. Everything the package itself wrote
// is verified again, from that root, before it is believed. A refresh replaces the catalog
// as a whole or not at all: whatever goes wrong, what was approved before stays.
//
//	roots/N.root.json   every newer root that was verified; the chain is walked at each start
//	journal/            what was verified step by step: the floor below which nothing is accepted
//	gen/N/              complete generations; current names the newest, copy/ is its twin
//
// It refuses to believe its own directory, to parse with a second parser what a first one
// verified, and to switch a check off when the line is down: then it asks the same
// questions of the time at which headquarters signed, and separately how long ago that was.
package catalog
