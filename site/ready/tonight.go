package ready

import "time"

// Plan is what will be done in the coming night, as far as it is known.
type Plan struct {
	Devices int       // that get something
	From    time.Time // opening of the maintenance window
	To      time.Time // and its end
	Ends    time.Time // when the last device is expected to be finished; zero = not known
}

// Busy is a device on which something is under way or still to come, and which must be left alone.
type Busy struct {
	Device string
	Until  time.Time // when that is expected to be over; zero or past = not known
}

// Notice tells the store what will be done tonight.
type Notice struct {
	Devices int       `json:"devices"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Ends    time.Time `json:"ends,omitzero"`
	Text    string    `json:"text"` // all of it as sentences
}

// Untouchable is a device that must not be switched off now.
type Untouchable struct {
	Device string    `json:"device"`
	Until  time.Time `json:"until,omitzero"` // expected; zero = not known
	Text   string    `json:"text"`
}

// notice is what the store is told of tonight; nil when nothing is planned or the night has begun.
func (j *judge) notice() *Notice {
	p := j.in.Tonight
	if p == nil || p.Devices == 0 || !j.in.Now.Before(p.From) {
		return nil
	}
	n := &Notice{Devices: p.Devices, From: p.From, To: p.To, Ends: p.Ends}
	n.Text = j.lang.Count("tonight_do", p.Devices, "from", j.clock(p.From), "to", j.clock(p.To))
	if p.Ends.After(p.From) {
		n.Text += " " + j.lang.Say("tonight_ends", "at", j.clock(p.Ends))
	}
	n.Text += " " + j.lang.Say("tonight_leave")
	return n
}

// untouchable are the devices that must not be switched off now.
func (j *judge) untouchable() []Untouchable {
	var all []Untouchable
	for _, b := range j.in.Busy {
		u := Untouchable{Device: b.Device, Text: j.lang.Say("touch_yet", "it", b.Device)}
		if b.Until.After(j.in.Now) {
			u.Until, u.Text = b.Until, j.lang.Say("touch", "it", b.Device, "at", j.clock(b.Until))
		}
		all = append(all, u)
	}
	return all
}
