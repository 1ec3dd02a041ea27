package gantt

import "time"

// axis maps time to a place between left and right.
type axis struct {
	from, to    time.Time
	left, right float64
	zone        *time.Location
}

// at is the place of a moment, never outside of the axis.
func (a axis) at(t time.Time) float64 {
	whole := a.to.Sub(a.from).Seconds()
	if whole <= 0 {
		return a.left
	}
	x := a.left + (a.right-a.left)*t.Sub(a.from).Seconds()/whole
	return min(max(x, a.left), a.right)
}

// shows reports whether a moment is on the axis.
func (a axis) shows(t time.Time) bool { return !t.Before(a.from) && !t.After(a.to) }

// thin is the least width of a bar.
const thin = 2

// bar is the place of a bar: at least thin, and inside the axis.
func (a axis) bar(from, to time.Time) (x, width float64) {
	x, end := a.at(from), a.at(to)
	if end-x < thin {
		end = min(x+thin, a.right)
		x = end - max(thin, end-x)
	}
	return max(x, a.left), end - max(x, a.left)
}

// whole is the axis of the whole window, and of what lies outside of it.
func (c Chart) whole(left, right float64) axis {
	a := axis{from: c.Opens, to: c.Closes, left: left, right: right, zone: c.zone()}
	from, to := c.span()
	if !from.IsZero() && from.Before(a.from) {
		a.from = from
	}
	if to.After(a.to) {
		a.to = to
	}
	if c.Now.After(a.to) {
		a.to = c.Now
	}
	return a
}

func (c Chart) zone() *time.Location {
	if c.Zone == nil {
		return time.UTC
	}
	return c.Zone
}

// closer is the axis on which the bars are drawn: the whole, or, when all of them lie in a small
// part of it, that part with some room around.
func (c Chart) closer(whole axis) (axis, bool) {
	from, to := c.span()
	if c.Now.After(to) {
		to = c.Now
	}
	length, all := to.Sub(from), whole.to.Sub(whole.from)
	if from.IsZero() || length <= 0 || length*100 > all*45 {
		return whole, false
	}
	near := whole
	near.from, near.to = from.Add(-length/25), to.Add(length/12)
	if near.from.Before(whole.from) {
		near.from = whole.from
	}
	if near.to.After(whole.to) {
		near.to = whole.to
	}
	return near, true
}

// maxTicks is how many times of day are written below an axis at most.
const maxTicks = 11

// step is the distance of ticks.
func (a axis) step() time.Duration {
	steps := []time.Duration{
		time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	}
	for _, s := range steps {
		if a.to.Sub(a.from)/s < maxTicks {
			return s
		}
	}
	day := 24 * time.Hour
	for a.to.Sub(a.from)/day >= maxTicks { // no night, but nobody may make a picture grow without bounds
		day *= 2
	}
	return day
}

// ticks are the moments to mark: round times of the store's clock.
func (a axis) ticks() []time.Time {
	step := a.step()
	if !a.to.After(a.from) {
		return nil
	}
	first := a.from.In(a.zone)
	midnight := time.Date(first.Year(), first.Month(), first.Day(), 0, 0, 0, 0, a.zone)
	t := midnight.Add(a.from.Sub(midnight) / step * step)
	if t.Before(a.from) {
		t = t.Add(step)
	}
	var list []time.Time
	for ; !t.After(a.to); t = t.Add(step) {
		list = append(list, t)
	}
	return list
}

// clock writes a moment as the store's clock shows it: with seconds where the ticks need them, and
// with the name of the time in a night in which the clocks change.
func (a axis) clock(t time.Time) string {
	layout := "15:04"
	if a.step() < time.Minute {
		layout = "15:04:05"
	}
	_, before := a.from.In(a.zone).Zone()
	if _, after := a.to.In(a.zone).Zone(); before != after {
		layout += " MST"
	}
	return t.In(a.zone).Format(layout)
}
