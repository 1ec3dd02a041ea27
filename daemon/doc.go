// Package daemon is the appliance: it makes all parts, gives each what it needs, runs
// them and stops them. It is the one place where drivers, the catalog, MQTT and the
// pages are known together.
//
// # The main loop
//
// There is one truth, the journal, and one writer's queue in front of it, the ledger.
// Every part that learns something commits an event; every part that shows something
// reads the fold.
//
//   - timekeeper judges the clock and the disk: while one of them is not to be trusted, nothing is begun.
//   - supply refreshes the signed catalog and brings the artifacts that this store will need
//     into the depot, long before the window opens. prepared holds the first night back until that
//     was tried, and until the state of the store before it is known.
//   - watch looks at every device now and then, so that the pages know who answers.
//   - runner opens the night when its window comes: it looks at every device, has site/plan
//     plan, writes the plan down, and from then on asks site/run.Next after every event what to
//     do. Each intent is on disk before it is carried out; the outcome follows it. A window that is
//     missed, or a patch that does not fit any more, is decided by site/run, in Due and Next, is an event
//     of the journal like every other, and is shown from there by view.
//   - hands carries out what a person asks of a device, in the same order: intent, act, outcome. desk
//     keeps the terminals.
//   - checker carries out the readiness checks; site/ready judges them anew for every reader. mender
//     does the small repairs that the store file allows, alarm tells people.
//   - uplink carries the journal to headquarters, from a cursor, in order.
//   - retain forgets what headquarters has stored, and copyJournal keeps copies of the journal.
//   - control, the console, the READY page and the status line read the same views.
//
// After a power cut the journal is folded again, the open intents are taken up by asking
// their devices, and everything goes on as if nothing had happened.
package daemon
