package register_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/register"
)

func noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

func draft() register.Entry {
	return register.Entry{Exception: site.Exception{
		Patch: "pos-1", Owner: " ann ", Reason: "prints twice", Risk: "old receipts", Devices: []string{"till-2", "till-1", "till-2"}, Stores: []string{"0142"},
		Expires: noon().AddDate(0, 1, 0),
	}, Worksheet: register.Worksheet{Objective: "receipts are right"}, Reviews: []time.Time{noon().AddDate(0, 0, 12), noon().AddDate(0, 0, 5)}}
}

func opened(t *testing.T) register.Entry {
	t.Helper()
	e, err := register.New("e-1", draft(), "kim", noon())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestLife: an entry is opened, reviewed, renewed and closed; each step stays in its history, and it
// survives being kept.
func TestLife(t *testing.T) {
	e := opened(t)
	if e.Owner != "ann" || !slices.Equal(e.Devices, []string{"till-1", "till-2"}) || e.Status(noon()) != register.StatusOpen || !e.NextReview().Equal(noon().AddDate(0, 0, 5)) {
		t.Errorf("opened %+v", e)
	}
	if e.Status(e.Expires.Add(-1)) != register.StatusOpen || e.Status(e.Expires) != register.StatusExpired || e.Holds(e.Expires) {
		t.Error("it does not end at its end")
	}
	later := noon().AddDate(0, 0, 6)
	e, err := e.Review("looked at it", "sam", later)
	if err != nil || !e.NextReview().Equal(noon().AddDate(0, 0, 12)) {
		t.Errorf("reviewed %+v, %v", e, err)
	}
	e, err = e.Renew(noon().AddDate(0, 3, 0), "vendor is late", "sam", noon().AddDate(0, 2, 0)) // it was over
	if err != nil || e.Status(noon().AddDate(0, 2, 0)) != register.StatusRenewed || !e.Holds(noon().AddDate(0, 2, 0)) || e.Renewed != 1 {
		t.Errorf("renewed %+v, %v", e, err)
	}
	e, err = e.Close("fixed", "sam", noon().AddDate(0, 2, 1))
	if err != nil || e.Status(noon()) != register.StatusClosed || e.Holds(noon()) {
		t.Errorf("closed %+v, %v", e, err)
	}
	var did []string
	for _, s := range e.History {
		did = append(did, s.What+" by "+s.By)
	}
	if want := []string{"opened by kim", "reviewed by sam", "renewed by sam", "closed by sam"}; !slices.Equal(did, want) {
		t.Errorf("history is %v", did)
	}
	n, err := e.Note(3, "sam", noon())
	if err != nil || n.Kind != "exception" || n.ID != "e-1" || n.Version != 3 {
		t.Fatalf("note %+v, %v", n, err)
	}
	again, err := register.Read([]board.Note{{ID: "gone"}, n, {ID: "bad", Body: json.RawMessage(`[]`)}})
	if err == nil || len(again) != 1 || !reflect.DeepEqual(again[0], e) {
		t.Errorf("read %+v, %v; want %+v", again, err, e)
	}
}

func TestRefused(t *testing.T) {
	long := strings.Repeat("x", 4001)
	for want, change := range map[string]func(*register.Entry){
		"an exception needs a patch":                                                                                    func(e *register.Entry) { e.Patch = " " },
		"an exception needs an owner: say who answers for it":                                                           func(e *register.Entry) { e.Owner = "" },
		"an exception needs a reason: stores show it":                                                                   func(e *register.Entry) { e.Reason = "" },
		"an exception needs a risk: say what may happen meanwhile":                                                      func(e *register.Entry) { e.Risk = "" },
		"an exception needs an end: from then on the patch is due again":                                                func(e *register.Entry) { e.Expires = time.Time{} },
		"an exception until 2026-11-22T12:00:00Z would be over already: name an end that is still to come":              func(e *register.Entry) { e.Expires = noon() },
		"an exception until 2028-11-22T12:00:00Z is more than a year ahead: name an earlier end, and decide again then": func(e *register.Entry) { e.Expires = noon().AddDate(2, 0, 0) },
		`"till 1" is not the id of a device`:                                                                            func(e *register.Entry) { e.Devices = []string{"till 1"} },
		"a review on 2027-01-01 is not before the end of the exception":                                                 func(e *register.Entry) { e.Reviews = []time.Time{time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)} },
		"the risk of an exception is too long: write at most 4000 bytes":                                                func(e *register.Entry) { e.Risk = long },
		"the validation of an exception is too long: write at most 4000 bytes":                                          func(e *register.Entry) { e.Worksheet.Validation = long },
		"an exception names at most 5000 devices, groups, stores or reviews, not 5001: name groups, or leave the list out": func(e *register.Entry) {
			for n := range 5001 {
				e.Stores = append(e.Stores, fmt.Sprintf("s%05d", n))
			}
			e.Stores = e.Stores[1:]
		},
	} {
		e := draft()
		change(&e)
		if _, err := register.New("e-1", e, "kim", noon()); err == nil || err.Error() != want {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
	closed, err := opened(t).Close("fixed", "kim", noon())
	if err != nil {
		t.Fatal(err)
	}
	for want, do := range map[string]func() error{
		"a closed exception is not renewed: open a new one":         func() error { _, err := closed.Renew(noon().AddDate(0, 1, 0), "x", "kim", noon()); return err },
		"a closed exception is not reviewed":                        func() error { _, err := closed.Review("x", "kim", noon()); return err },
		"the exception is closed already":                           func() error { _, err := closed.Close("x", "kim", noon()); return err },
		"a review needs a note: say what was found":                 func() error { _, err := opened(t).Review(" ", "kim", noon()); return err },
		"closing needs a reason: say why it is not needed any more": func() error { _, err := opened(t).Close("", "kim", noon()); return err },
		"what is said of an exception is too long: write at most 4000 bytes": func() error {
			_, err := opened(t).Renew(noon().AddDate(0, 1, 0), long, "kim", noon())
			_, err2 := opened(t).Review(long, "kim", noon())
			_, err3 := opened(t).Close(long, "kim", noon())
			if err2 == nil || err3 == nil {
				return nil
			}
			return err
		},
		"a renewal needs a reason: say why it could not be done in time": func() error { _, err := opened(t).Renew(noon().AddDate(0, 1, 0), "", "kim", noon()); return err },
	} {
		if err := do(); err == nil || err.Error() != want {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
}

func TestInForce(t *testing.T) {
	e := opened(t).Exception
	b := board.NewBoard("acme")
	told := e
	told.Stores = nil
	b.Store("0142").Catalog.Exceptions = []site.Exception{told}
	b.Store("0150")
	if got := register.InForce(b, e); got.String() != "in force in 1 of 1 stores" {
		t.Errorf("%s", got)
	}
	e.Stores = nil
	if got := register.InForce(b, e); got.String() != "in force in 1 of 2 stores" || !slices.Equal(got.Missing, []string{"0150"}) {
		t.Errorf("%+v", got)
	}
	e.Expires = e.Expires.Add(time.Hour) // renewed, and not signed yet
	if got := register.InForce(b, e); got.In != 0 {
		t.Errorf("%+v", got)
	}
}

func TestItems(t *testing.T) {
	e := opened(t) // ends on 22 December
	for _, c := range []struct {
		now  time.Time
		want string
	}{
		{noon(), ""},
		{noon().AddDate(0, 0, 5), "The exception of pos-1 on devices till-1, till-2, in stores 0142 (ann) is to be reviewed since 2026-11-27."},
		{e.Expires.Add(-register.Warning), "The exception of pos-1 on devices till-1, till-2, in stores 0142 (ann) ends on 2026-12-22: put the patch on, or renew it."},
		{e.Expires, "The exception of pos-1 on devices till-1, till-2, in stores 0142 (ann) ended on 2026-12-22: the patch is due again. Close it, or renew it."},
	} {
		got := ""
		for _, i := range register.Items([]register.Entry{e}, c.now) {
			got += i.Text
		}
		if got != c.want {
			t.Errorf("at %s: %q, want %q", c.now, got, c.want)
		}
	}
	if got := register.Holding([]register.Entry{e}, e.Expires.Add(-1)); len(got) != 1 {
		t.Errorf("%+v", got)
	}
	if got := register.Holding([]register.Entry{e}, e.Expires); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}
