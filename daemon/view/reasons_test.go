package view

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/plan/scenario"
	"github.com/nightfill/nightfill/site/run"
)

// scene is a store, how its steps end ("DEVICE/PATCH/STEP", else well), and a reason that it must bring about.
type scene struct {
	name  string
	facts string
	ends  map[string]run.Outcome
	code  site.Code
}

func scenes() []scene {
	canary := "group lanes canary\ndevice till-1 groups=lanes\ndevice till-2 groups=lanes\ndevice srv-1\n"
	return []scene{
		{"canary", canary + "patch app kind=script gate=wait", map[string]run.Outcome{"till-1/app/verify": run.Bad, "srv-1/app/gate": run.Bad}, site.CodeCanaryFailed},
		{"quarantine", canary + "patch app kind=script gate=wait", map[string]run.Outcome{"till-1/app/verify": run.Bad, "srv-1/app/gate": run.Bad}, site.CodeQuarantined},
		{"taken back", "device srv-1\npatch app kind=script", map[string]run.Outcome{"srv-1/app/install": run.TimedOut, "srv-1/app/verify": run.Bad}, site.CodeTimedOut},
		{"no rollback", "device srv-1\npatch app kind=script rollback=none", map[string]run.Outcome{"srv-1/app/verify": run.Bad}, site.CodeNoRollback},
		{"rollback failed", "device srv-1\npatch app kind=script\npatch more kind=script", map[string]run.Outcome{"srv-1/app/verify": run.Bad, "srv-1/app/prove": run.Bad}, site.CodeDirty},
		{"gate", "device srv-1\npatch app kind=script gate=no", map[string]run.Outcome{"srv-1/app/gate": run.Bad}, site.CodeGateClosed},
		{"requires", "device srv-1\npatch app kind=script\npatch more kind=script requires=app", map[string]run.Outcome{"srv-1/app/verify": run.Bad}, site.CodeRequires},
		{"transfer", "device srv-1\npatch app kind=script", map[string]run.Outcome{"srv-1/app/stage": run.Bad}, site.CodeStageFailed},
		{"no time", "device srv-1\npatch app kind=script install=6h", nil, site.CodeNoTime},
		{"excepted", "device srv-1\npatch app kind=script\nexcept app", nil, site.CodeExcepted},
		{"held", "device srv-1\npatch app kind=script\nhold srv-1", nil, site.CodeHeld},
		{"silent", "device srv-1 silent\npatch app kind=script", nil, site.CodeNoAnswer},
		{"not cached", "device srv-1\npatch app kind=script uncached", nil, site.CodeNotCached},
		{"withdrawn", "device srv-1\npatch app kind=script withdrawn=kills-tills", nil, site.CodeWithdrawn},
	}
}

// TestOneReason: the reason of a patch on a device is one value: in the state, in the document of
// the night, in the answer why, with the device where it is the telling one, and in the journal.
func TestOneReason(t *testing.T) {
	for _, sc := range scenes() {
		t.Run(sc.name, func(t *testing.T) {
			f, records := played(t, sc)
			journalled := map[string]bool{}
			for _, r := range records {
				journalled[r.Event.Device+" "+r.Event.Patch+" "+asJSON(t, r.Event.Reason)] = true
				for _, l := range r.Event.Report {
					journalled[l.Device+" "+l.Patch+" "+asJSON(t, l.Reason)] = true
				}
			}
			night, seen := NightOf(f.State, true), map[site.Code]bool{}
			same := func(device, patch string, want *site.Reason, shown ...*site.Reason) {
				t.Helper()
				if want == nil {
					return
				}
				seen[want.Code] = true
				for _, a := range Why(f, plan.Plan{}, nil, device, patch) {
					shown = append(shown, a.Reason)
				}
				for i, got := range shown {
					if asJSON(t, got) != asJSON(t, want) {
						t.Errorf("%s %s is because of %s, and surface %d shows %s", device, patch, asJSON(t, want), i, asJSON(t, got))
					}
				}
				if !journalled[device+" "+patch+" "+asJSON(t, want)] {
					t.Errorf("%s %s is because of %s, which is not in the journal", device, patch, asJSON(t, want))
				}
			}
			for i, j := range night.Jobs {
				job, _ := f.State.Job(j.Device, j.Patch)
				same(j.Device, j.Patch, job.Reason, j.Reason)
				if d := deviceOf(f, j.Device); d.Patch == j.Patch {
					same(j.Device, j.Patch, job.Reason, d.Reason, night.Jobs[i].Reason)
				}
			}
			for i, l := range f.State.Night.Report {
				same(l.Device, l.Patch, l.Reason, night.Left[i].Reason)
			}
			if !seen[sc.code] {
				t.Errorf("nothing is because of %s", sc.code)
			}
		})
	}
}

func deviceOf(f Facts, id string) Device {
	for _, d := range Devices(f) {
		if d.Device == id {
			return d
		}
	}
	return Device{}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// played is a scene at the end of its night, each step of which took a minute.
func played(t *testing.T, sc scene) (Facts, []run.Record) {
	t.Helper()
	read, err := scenario.Read(sc.facts)
	if err != nil {
		t.Fatal(err)
	}
	now := read.Facts.Now
	f := Facts{Store: read.Facts.Store, Catalog: read.Facts.Catalog, Inventory: site.Inventory{}}
	var records []run.Record
	add := func(e run.Event) {
		e.At = now
		r := run.Record{Seq: uint64(len(records) + 1), Event: run.Stamp(f.State, e)}
		f.State, records = run.Fold(f.State, r), append(records, r)
	}
	span, _ := read.Calendar.Contains(now)
	made, report := plan.Make(read.Facts, span, read.Calendar.Reserve)
	add(run.Event{Kind: run.NightOpened, Night: made.Night, Plan: &made, Report: report})
	for range 500 {
		events, _ := run.Next(f.State, now)
		for _, e := range events {
			add(e)
		}
		if !f.State.Night.Open() {
			f.Now = now
			return f, records
		}
		if len(events) > 0 {
			continue
		}
		now = now.Add(time.Minute)
		for _, j := range run.Recover(f.State) {
			outcome := run.OK
			if o, told := sc.ends[j.Device+"/"+j.Patch+"/"+string(j.Intent.Step)]; told {
				outcome = o
			}
			add(run.Event{
				Kind: run.StepEnded, Device: j.Device, Patch: j.Patch, Step: j.Intent.Step, Attempt: j.Intent.Attempt, Work: j.Intent.Work,
				Outcome: outcome, Reason: run.Explain(j.Intent.Step, outcome, 1, "exit code 1"),
			})
		}
	}
	t.Fatal("the night never ends")
	return f, nil
}
