// Package console is the technician's console: HTTPS pages and a websocket that show what the box
// knows, and through which a person who has logged in may act. It works with the WAN down and asks
// nothing of other hosts.
//
// It decides nothing about devices: what may be asked, and why not, comes with the documents of a
// Box, and the Box judges every order again. What it does decide is who may ask: the account, its
// role, the reason, the typed number of the store (see package order).
//
// # What is lost and what is not
//
// The journal is followed by its sequence numbers, from where the reader says he stopped, so a cut
// line loses no event and shows none twice. Whoever reads too slowly gets a gap that names what is
// missing. All else are documents, of which the newest replaces the one before. An order carries an
// id; sent again after a cut it is answered, not done again.
//
// # A hostile LAN
//
// Every page but the login needs a session. Other sites can neither post forms nor open the
// websocket; no page can be framed; scripts come from the box only. Frames, sockets, answers under
// way and the time that each may take are limited, so that one bad device on the LAN holds up
// nobody but itself.
package console
