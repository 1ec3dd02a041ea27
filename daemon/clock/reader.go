package clock

import "time"

// Kernel asks the operating system whether it keeps its clock in step with a time
// server. The text says for people why it is not.
type Kernel func() (Sync, string)

// Reader collects the Facts of this box. It holds no state of its own.
type Reader struct {
	Asked    Trust            // the store file's clock.trust
	Built    time.Time        // when this program was built; zero = not known
	LastSeen func() time.Time // the newest time in the journal that was written under trust; nil = none
	Kernel   Kernel           // System, or another in a test; nil counts as no answer
}

// Read looks at the clock and at what the operating system says of it. It does not block.
func (r Reader) Read() Facts {
	f := Facts{Asked: r.Asked, Built: r.Built, Sync: NoAnswer}
	if r.LastSeen != nil {
		f.LastSeen = r.LastSeen()
	}
	if r.Kernel != nil {
		f.Sync, f.SyncText = r.Kernel()
	}
	f.Now = time.Now()
	return f
}

// Judge reads and judges in one.
func (r Reader) Judge() Judgement { return Judge(r.Read()) }
