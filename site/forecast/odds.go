package forecast

import "time"

// Odds are how long things take and how often they go wrong: probabilities from 0 to 1, lengths of time,
// and shares of an estimate. With the zero value everything takes exactly its estimate and goes well.
type Odds struct {
	// Median is what a step takes in the middle, as a share of its estimate, which is about what 95 of
	// 100 keep to. Where enough was learned of it in the store, it takes what it once took there.
	// 0 = the estimate itself, always.
	Median float64
	// Bytes is how many bytes a second come to a device; 0 = at once.
	Bytes int64

	InstallFails  float64 // the installer fails, and nothing was changed
	Interrupted   float64 // the device restarts under the installer
	AgainWorks    float64 // an installation that was interrupted works when it is repeated
	Breaks        float64 // it is installed, and then its device does not work
	BreaksAll     float64 // the patch itself is bad, as the trials did not show
	BreaksEach    float64 // of a bad patch: that it breaks a device
	RestartWanted float64 // the device wants a restart after a patch that may need one
	NotBack       float64 // it is not back from a restart within LateFrom
	LateFrom      time.Duration
	LateMean      time.Duration // how much later it is back, on average
	RollbackFails float64       // what was there before cannot be proven
	Unreachable   float64       // the device does not answer this night
	GateLate      float64       // business is not finished when the night begins
	GateMedian    time.Duration // and how long after that it is
	GateP95       time.Duration
	GateStuck     float64 // business is not finished this night
	PowerCut      float64 // the box is without power once in the night
	PowerMedian   time.Duration
	PowerP95      time.Duration
}

// Calm are the odds of a night that goes as planned: everything takes its estimate, nothing goes wrong.
func Calm() Odds { return Odds{Bytes: Usual().Bytes} }

// Usual are the odds of Linux servers as published figures and the trials of others have them: of a
// hundred installations 1.5 fail, of a hundred that work one breaks something, of a thousand restarts
// eight take longer than 20 minutes and three of them longer than an hour, 8 of 100 rollbacks fail.
func Usual() Odds {
	return Odds{
		Median: 0.6, Bytes: 10 << 20,
		InstallFails: 0.015, Interrupted: 0.002, AgainWorks: 0.55,
		Breaks: 0.01, BreaksAll: 0.003, BreaksEach: 0.65,
		RestartWanted: 0.45, NotBack: 0.008, LateFrom: 20 * time.Minute, LateMean: 41 * time.Minute,
		RollbackFails: 0.08, Unreachable: 0.005,
		GateLate: 0.08, GateMedian: 20 * time.Minute, GateP95: 70 * time.Minute, GateStuck: 0.015,
		PowerCut: 0.001, PowerMedian: 20 * time.Minute, PowerP95: 4 * time.Hour,
	}
}
