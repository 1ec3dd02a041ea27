// Package gantt draws a night as a picture: one lane for each device, one bar for each step, on
// the time of the store. It turns plain values into SVG that stands by itself: no script, no style
// sheet, nothing from elsewhere, and the same bytes for the same values.
//
// Every kind of bar has a shape and a pattern of its own, and every outcome a sign and a word, so
// that nothing is told by colour alone: the picture can be read on grey paper.
//
// It decides nothing, reads no clock and cuts no bar: what it is given is inside the picture.
package gantt

import "time"

// Chart is a night to draw. All times are absolute; they are shown in Zone.
type Chart struct {
	Title  string         // one line
	Sub    string         // one line below it
	Zone   *time.Location // of the store; nil = UTC
	Opens  time.Time      // the window
	Cutoff time.Time      // from here to Closes is the reserve
	Closes time.Time
	Now    time.Time // a line at this moment while the night is open; zero = none
	Lanes  []Lane    // from top to bottom
	Bare   bool      // without Title and Sub in writing: the page around it has them
}

// Lane is one device.
type Lane struct {
	Name  string
	Sign  Sign   // how the night was for it
	Word  string // the same as a word, beside the sign
	Note  string // written where a lane without bars has room; why, as a tooltip, in any lane
	Tasks []Task // one after another
}

// Task is one patch on the device.
type Task struct {
	Name string
	Sign Sign
	Bars []Bar
}

// Bar is one attempt of one step. To must not be before From.
type Bar struct {
	Kind     Kind
	End      End
	From, To time.Time
	Title    string // what a pointer on the bar tells
}

// Kind is what went on during a bar.
type Kind int

// The kinds of bar.
const (
	Stage    Kind = iota // the bytes go to the device
	Wait                 // for a gate, a turn, or a repetition
	Install              // the installation
	Restart              // a restart of the device
	Verify               // proof is taken
	Rollback             // what was put on is taken back
	Silence              // the device does not answer; drawn below the others
	kinds
)

// End is how a bar ended.
type End int

// How a bar ends.
const (
	Well    End = iota
	Badly       // it failed
	Unclear     // it was cut short, refused or never taken: its effect is not known or none
	Running     // it goes on
)

// Sign is how a night stands for a device, or for a patch on it.
type Sign int

// The signs.
const (
	None    Sign = iota // nothing was due
	Queued              // its turn has not come
	Busy                // something is under way
	Done                // proven
	Back                // taken back, proven
	Broken              // failed, or taken back without proof
	Silent              // it does not answer
	Paused              // a person said: not now
	Skipped             // not done, for a reason
	signs
)

// span returns the first and the last moment of all bars; zero when there is none.
func (c Chart) span() (from, to time.Time) {
	for _, lane := range c.Lanes {
		for _, task := range lane.Tasks {
			for _, bar := range task.Bars {
				if from.IsZero() || bar.From.Before(from) {
					from = bar.From
				}
				if bar.To.After(to) {
					to = bar.To
				}
			}
		}
	}
	return from, to
}
