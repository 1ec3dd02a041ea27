package boardtest

import (
	"fmt"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/run"
)

// finding is the code of a device that does not work.
const finding = "DEV-1"

// shop is one store on its night.
type shop struct {
	Chain
	place
	id    string
	now   time.Time
	opens time.Time // the window of the night
	ends  time.Time // of the last job
	all   int
	over  int // jobs that are settled
	back  int
	spots []board.Finding
}

func (s *shop) in() *time.Location { return time.FixedZone(s.zone, s.offset*3600) }

// put writes the store on the board.
func (s *shop) put(b *board.Board) {
	town := s.towns[int(s.share(s.id, "town")*float64(len(s.towns)))]
	st := b.Store(s.id)
	town += " " + []string{"Centre", "East", "Mall", "Market", "North", "Station", "West"}[int(s.share(s.id, "part")*7)]
	st.Expected = &board.Expected{ID: s.id, Name: town, Region: s.region}
	if s.share(s.id, "never") < 0.002 {
		return
	}
	s.opens = time.Date(s.Night.Year, s.Night.Month, s.Night.Day, 23, 0, 0, 0, s.in())
	live := s.line(st)
	s.info(st, town)
	real := s.now
	s.now = live // nothing later was told
	s.devices(st)
	s.night(st)
	s.ready(st)
	st.Streams = []board.Stream{{ID: "s-" + s.id, No: 1, Stored: 9000 + uint64(s.over)*4, Highest: 9000 + uint64(s.over)*4, Last: live}}
	s.now = real
}

// line says until when the store was heard, and what its line is now.
func (s *shop) line(st *board.Store) time.Time {
	st.Contact = board.Contact{State: "online", Birth: 1, At: s.now.Add(-time.Duration(s.share(s.id, "beat") * 600 * float64(time.Second))), Heard: s.now.Add(-time.Duration(s.share(s.id, "heard") * 500 * float64(time.Second))), Version: "nightfilld 1.4.0"}
	cut := time.Time{}
	switch x := s.share(s.id, "line"); {
	case x < s.Silent:
		cut = s.opens.Add(-time.Duration(s.share(s.id, "cut") * 3 * float64(time.Hour)))
	case x < s.Silent*1.4:
		cut = s.opens.Add(time.Duration(s.share(s.id, "cut") * 4 * float64(time.Hour)))
	}
	if !cut.IsZero() && s.now.After(cut) {
		st.Contact = board.Contact{State: "lost", Birth: 1, At: cut.Add(90 * time.Second), Heard: cut, Version: "nightfilld 1.4.0"}
		return cut
	}
	return s.now
}

func (s *shop) info(st *board.Store, town string) {
	ring := site.RingFleet
	switch x := s.share(s.id, "ring"); {
	case x < 0.01:
		ring = site.RingLab
	case x < 0.06:
		ring = site.RingPilot
	}
	st.Info = board.Info{Store: s.id, Org: "acme", Name: town, Ring: ring, Timezone: s.zone, Window: "23:00 to 05:00", Stream: "s-" + s.id}
	opens, closes := s.opens, s.opens.Add(6*time.Hour)
	told := st.Contact.Heard
	for !told.Before(closes) {
		opens, closes = opens.Add(24*time.Hour), closes.Add(24*time.Hour)
	}
	st.Info.WindowOpens, st.Info.WindowCloses = opens, closes
	st.Info.Opens = s.opens.Add(7*time.Hour + 30*time.Minute)
	for !told.Before(st.Info.Opens) {
		st.Info.Opens = st.Info.Opens.Add(24 * time.Hour)
	}
}

// classOf is what the n-th device of a store is.
func (s *shop) classOf(n int) (site.Class, string) {
	switch {
	case n < max(1, s.Devices/9):
		return site.LinuxServer, fmt.Sprintf("till-%d", n+1)
	case n < max(2, s.Devices/6):
		return site.WindowsServer, fmt.Sprintf("srv-%d", n-max(1, s.Devices/9)+1)
	case n < s.Devices*8/9:
		return site.Handheld, fmt.Sprintf("hh-%02d", n-max(2, s.Devices/6)+1)
	}
	return site.Observe, fmt.Sprintf("pinpad-%d", n-s.Devices*8/9+1)
}

func (s *shop) devices(st *board.Store) {
	for n := range s.Devices {
		class, id := s.classOf(n)
		kinds := models(class)
		d := st.Device(id)
		d.Now = board.DeviceNow{
			Device: id, Class: class, Model: kinds[int(s.share(s.id, id, "model")*float64(len(kinds)))], Groups: []string{string(class)},
			State: site.NotDue, Answers: true, SeenAt: s.now.Add(-2 * time.Minute), System: "image 2026.10",
		}
		d.Observed = board.Observed{At: s.opens.Add(-time.Hour), System: d.Now.System, DiskFree: 9 << 30}
		if s.now.Before(s.opens) {
			continue
		}
		off := class == site.Handheld && s.share(s.id, id, "off") < s.Off
		begin := s.opens.Add(time.Duration(n) * 7 * time.Minute / 2)
		for _, p := range Patches()[:s.Patches] {
			if p.Classes[0] == class {
				begin = s.job(d, p.ID, begin, off)
			}
		}
		st.Info.Devices = append(st.Info.Devices, id)
	}
}

// job plays one patch on one device from a moment on, and returns when it is over.
func (s *shop) job(d *board.Device, patch string, begin time.Time, off bool) time.Time {
	j := d.Job(patch)
	took := func(name string, least, most float64) time.Duration {
		return time.Duration((least + (most-least)*s.share(s.id, d.ID, patch, name)) * float64(time.Minute))
	}
	installed := begin.Add(took("install", 1, 6))
	restarted := installed.Add(took("restart", 1, 4))
	proven := restarted.Add(took("verify", 0.5, 2))
	s.all++
	if proven.After(s.ends) {
		s.ends = proven
	}
	stand := func(state site.State, step run.Step, at time.Time) {
		j.State, j.Step, j.At, j.Night, j.Attempt = state, step, board.At(at), s.Night, 1
		d.Now.State, d.Now.Patch, d.Now.Since = state, patch, at
	}
	switch {
	case s.now.Before(begin):
		stand(site.Queued, "", s.opens)
		return proven
	case off:
		stand(site.NoAnswer, run.Stage, begin)
		j.Code, d.Now.Answers = site.CodeNoAnswer, false
		s.over++
		return begin
	}
	j.Started = board.At(begin)
	switch {
	case s.now.Before(installed):
		stand(site.Installing, run.Install, begin)
		return proven
	case s.now.Before(restarted):
		j.Installed = board.At(installed)
		stand(site.Restarting, run.Reboot, installed)
		return proven
	case s.now.Before(proven):
		j.Installed, j.Restarted = board.At(installed), board.At(restarted)
		stand(site.Verifying, run.Verify, restarted)
		return proven
	}
	s.over++
	j.Installed, j.Restarted = board.At(installed), board.At(restarted)
	bad := max(s.Fails, s.Bad[patch], s.Bad[patch+"/"+d.Now.Model])
	if s.share(s.id, d.ID, patch, "breaks", s.Night.String()) >= bad {
		stand(site.Done, run.Verify, proven)
		j.Verified, j.Reported = board.At(proven), board.At(proven.Add(2*time.Second))
		return proven
	}
	s.breaks(d, j, proven, stand, bad > s.Fails)
	return proven.Add(4 * time.Minute)
}

// breaks ends a patch that is not proven. A patch that is bad always breaks in the same way.
func (s *shop) breaks(d *board.Device, j *board.Job, at time.Time, stand func(site.State, run.Step, time.Time), same bool) {
	step, why := run.Verify, site.Because(site.CodeVerifyFailed, "service pos-app did not start within 90 s")
	if x := s.share(s.id, d.ID, j.Patch, "how"); !same && x > 0.5 {
		step, why = run.Install, site.Because(site.CodeInstallFailed, fmt.Sprintf("the installer ended with exit code %d", 1+int(x*9)))
	}
	j.Failed, j.FailedCode = board.At(at), why.Code
	j.Signature = board.SignatureOf(board.Step{Step: step, Reason: why})
	j.Code = why.Code
	s.back++
	switch x := s.share(s.id, d.ID, j.Patch, "rollback"); {
	case x < 0.97:
		j.RolledBack = board.At(at.Add(3 * time.Minute))
		stand(site.RolledBack, run.Prove, at.Add(3*time.Minute))
		return
	case x < 0.985:
		stand(site.RollbackFailed, run.Revert, at.Add(3*time.Minute))
	default:
		stand(site.Failed, step, at)
	}
	s.spots = append(s.spots, board.Finding{Code: finding, Device: d.ID, What: d.ID + " does not work", Since: j.At.Time(), BlocksTrading: d.Now.Class == site.LinuxServer})
	d.Now.Reason = why
}

func (s *shop) night(st *board.Store) {
	if s.now.Before(s.opens) {
		return
	}
	date := s.Night.String()
	closes := s.opens.Add(6 * time.Hour)
	if s.ends.IsZero() {
		s.ends = s.opens.Add(time.Minute)
	}
	st.Opened[date] = board.NightOpened{At: s.opens, Opens: s.opens, Cutoff: closes.Add(-45 * time.Minute), Closes: closes, Catalog: 7, Planned: s.all}
	st.Windows = append(st.Windows, board.Window{Night: date, Opens: board.At(s.opens)})
	n := board.Night{Night: s.Night, Open: true, Opens: s.opens, Cutoff: closes.Add(-45 * time.Minute), Closes: closes, Opened: s.opens, Ends: s.ends, Total: s.all, Settled: s.over, States: map[site.State]int{}}
	for _, d := range st.Devices {
		for _, j := range d.Jobs {
			n.States[j.State]++
		}
	}
	if closed := s.ends.Add(5 * time.Minute); !s.now.Before(closed) {
		n.Open, n.Closed, n.Ends = false, closed, time.Time{}
		n.Summary = fmt.Sprintf("%d done, %d taken back", n.States[site.Done], s.back)
		st.Closed[date] = board.NightClosed{At: closed, Text: n.Summary}
	}
	st.Nights[date] = n
	st.Catalog = run.CatalogNote{Version: 7, Issued: s.opens.Add(-30 * time.Hour)}
	for _, p := range Patches()[:s.Patches] {
		st.Catalog.Patches = append(st.Catalog.Patches, p.ID)
	}
}

func (s *shop) ready(st *board.Store) {
	r := board.ReadyNow{Verdict: site.Ready, Text: "You can open the store.", AsOf: s.now, MaxAge: 900}
	at := s.opens.Add(-5 * time.Hour)
	switch {
	case st.Nights[s.Night.String()].Open:
		r.Verdict, r.Text, at = site.Working, fmt.Sprintf("Devices are being updated. %d of %d are finished.", s.over, s.all), s.opens
	case len(s.spots) > 0 && s.spots[0].BlocksTrading:
		r.Verdict, r.Fix, r.Text, at = site.NotReady, s.spots, "1 thing to fix before you open.", s.spots[0].Since
	case len(s.spots) > 0 || s.back > 0:
		r.Verdict, r.Notes, r.Text, at = site.ReadyNotes, s.spots, "You can open the store. 1 thing to know.", s.ends
	case s.share(s.id, "unsure") < 0.001:
		r.Verdict, r.Text, at = site.CannotTell, "The last look at the devices is too old.", s.ends
	}
	for _, f := range s.spots {
		st.Alerts[f.Code] = board.Alert{Code: f.Code, Device: f.Device, Text: f.What, Since: f.Since, BlocksTrading: f.BlocksTrading}
	}
	st.Ready, st.ReadyTold = r, s.now
	st.Verdict, st.VerdictAt = board.VerdictTold{Verdict: r.Verdict, Text: r.Text}, at
}
