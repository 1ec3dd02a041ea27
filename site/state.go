package site

// State is where one patch on one device stands. The list is closed and shared by
// the journal, MQTT, the pages and the commands.
type State string

// The states of a patch on a device. "After a crash" says what a journalled state means
// when the box starts again.
const (
	NotDue         State = "not_due"         // not for tonight. After a crash: the same
	Queued         State = "queued"          // planned, nothing done yet. After a crash: the same
	Fetching       State = "fetching"        // its bytes are on the way to the store. After a crash: fetched again from where it stopped
	Staged         State = "staged"          // its bytes are on the device. After a crash: the same; the digest is compared again
	Waiting        State = "waiting"         // a gate is closed, another device goes first. After a crash: asked again
	Installing     State = "installing"      // an installation was begun or was about to be. After a crash: the device is asked; never begun twice
	Restarting     State = "restarting"      // a restart was ordered or was about to be. After a crash: the boot id is compared
	Verifying      State = "verifying"       // installed, proof is being taken. After a crash: proof is taken again
	Done           State = "done"            // proven. Reachable only from verifying
	Failed         State = "failed"          // it broke; while a rollback runs, or for good where there is none
	RolledBack     State = "rolled_back"     // taken back, and what was there before was read back
	RollbackFailed State = "rollback_failed" // taken back without proof: a person must look
	Held           State = "held"            // a person said: not now
	Skipped        State = "skipped"         // not done tonight, for the reason given
	NoAnswer       State = "no_answer"       // the device does not answer; what was running may go on. After a crash: asked again
)

// Final reports whether nothing more happens to the patch on the device this night.
// Failed is final only where no rollback follows, which the state alone does not tell.
func (s State) Final() bool {
	switch s {
	case Done, RolledBack, RollbackFailed, Held, Skipped, NotDue:
		return true
	}
	return false
}

// Good reports whether the patch is proven on the device.
func (s State) Good() bool { return s == Done }

// Verdict is the one word about a store.
type Verdict string

// The verdicts of a store. They are about trading, not about patching.
const (
	Ready      Verdict = "ready"
	ReadyNotes Verdict = "ready_notes" // can trade; something is worth knowing
	NotReady   Verdict = "not_ready"
	Working    Verdict = "working" // checks or patches are under way
	CannotTell Verdict = "unknown" // no fresh answer: never green, never red
)

// Trades reports whether the verdict says that the store can trade.
func (v Verdict) Trades() bool { return v == Ready || v == ReadyNotes }
