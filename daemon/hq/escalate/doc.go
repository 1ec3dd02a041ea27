// Package escalate tells people of what needs someone and that nobody took on: tier by tier, by
// webhook and by mail.
//
// # Never twice, never not at all
//
// Before a message is sent, what it tells is written down as a note of headquarters; after it, how it
// ended. A crash in between sends the same message again, with the same id, so that whoever receives
// it can tell: it is better told twice than not at all. Of several programs on one database the one
// that leads tells people. What nobody took after six tries is due again, as more of the same cause is.
//
// # Never a flood
//
// One message of a tier holds everything that is due, by cause: a patch that breaks in 200 stores is one
// message. More stores with the same cause wait: a quarter of an hour after the first message, then
// twice as long each time, up to four hours. A tier sends at most one message every two minutes,
// whatever happens. What somebody took on or shelved is told to nobody any more.
package escalate
