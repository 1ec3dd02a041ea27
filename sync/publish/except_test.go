package publish

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
)

func exception(change func(*site.Exception)) site.Exception {
	e := site.Exception{Patch: "pos-4.2.1", Owner: "pos-owner", Reason: "prints twice", Expires: now.AddDate(0, 0, 8)}
	if change != nil {
		change(&e)
	}
	return e
}

func TestExcept(t *testing.T) {
	r, _, _ := company(t)
	refused := []struct {
		e    site.Exception
		want string
	}{
		{exception(func(e *site.Exception) { e.Owner = " " }), "an exception needs an owner: say who answers for it"},
		{exception(func(e *site.Exception) { e.Reason = "" }), "an exception needs a reason: stores show it"},
		{exception(func(e *site.Exception) { e.Expires = time.Time{} }), "an exception needs an end: from then on the patch is due again"},
		{exception(func(e *site.Exception) { e.Expires = now }),
			"an exception until 2026-11-22T02:30:01Z would be over already: name an end that is still to come"},
		{exception(func(e *site.Exception) { e.Expires = now.AddDate(1, 0, 2) }),
			"an exception until 2027-11-24T02:30:01Z is more than a year ahead: name an earlier end, and decide again then"},
		{exception(func(e *site.Exception) { e.Patch = "pos-4.2.2" }), `there is no patch pos-4.2.2: did you mean "pos-4.2.1"?`},
		{exception(func(e *site.Exception) { e.Devices = []string{"till-1", "till 2"} }), `"till 2" is not the id of a device`},
		{exception(func(e *site.Exception) { e.Groups = []string{""} }), `"" is not the id of a group`},
		{exception(func(e *site.Exception) { e.Stores = []string{"*"} }), `"*" is not the id of a store`},
	}
	for _, tt := range refused {
		if err := r.Except(tt.e, now); err == nil || err.Error() != tt.want {
			t.Errorf("Except(%+v) = %v, want %s", tt.e, err, tt.want)
		}
	}
	status, err := r.Status()
	if err != nil || len(status.Exceptions) != 0 {
		t.Fatalf("what was refused is in the rules: %+v, %v", status.Exceptions, err)
	}
	if err := r.Except(exception(func(e *site.Exception) { e.Expires = now.AddDate(1, 0, 0) }), now); err != nil {
		t.Fatalf("a whole year is too long: %v", err)
	}
	scoped := func(reason string, stores ...string) site.Exception {
		return exception(func(e *site.Exception) {
			e.Reason, e.Devices, e.Stores = reason, []string{"till-2", "till-1", "till-2"}, stores
		})
	}
	for _, e := range []site.Exception{scoped("first", "0142"), scoped("other store", "0150"), scoped("second", "0142")} {
		if err := r.Except(e, now); err != nil {
			t.Fatal(err)
		}
	}
	want := "everywhere: prints twice\non devices till-1, till-2, in stores 0150: other store\non devices till-1, till-2, in stores 0142: second\n"
	if got := listed(t, r); got != want {
		t.Errorf("the rules have\n%swant\n%s", got, want)
	}
	if err := r.Withdraw("pos-4.2.1", "worse than that", now); err != nil {
		t.Fatal(err)
	}
	gone := "patch pos-4.2.1 was withdrawn on 2026-11-22 (worse than that): it goes nowhere and needs no exception"
	if err := r.Except(exception(nil), now); err == nil || err.Error() != gone {
		t.Errorf("Except of a withdrawn patch = %v, want %s", err, gone)
	}
}

func listed(t *testing.T, r *Repo) string {
	t.Helper()
	status, err := r.Status()
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, e := range status.Exceptions {
		text += e.Scope() + ": " + e.Reason + "\n"
	}
	return text
}

func TestEndException(t *testing.T) {
	r, _, _ := company(t)
	end := func(want int, text string, scope site.Exception) {
		t.Helper()
		ended, err := r.EndException(scope)
		if len(ended) != want || err == nil && text != "" || err != nil && err.Error() != text {
			t.Errorf("EndException(%s %s) = %d, %v; want %d, %s", scope.Patch, scope.Scope(), len(ended), err, want, text)
		}
	}
	all := site.Exception{Patch: "pos-4.2.1"}
	till := func(id string) site.Exception { return site.Exception{Patch: "pos-4.2.1", Devices: []string{id}} }
	end(0, "patch pos-4.2.1 has no exception; no patch has one", all)
	end(0, `there is no patch pos-4.2.2: did you mean "pos-4.2.1"?`, site.Exception{Patch: "pos-4.2.2"})
	for _, id := range []string{"till-1", "till-2", "till-3"} {
		if err := r.Except(exception(func(e *site.Exception) { e.Devices = []string{id} }), now); err != nil {
			t.Fatal(err)
		}
	}
	end(0, "patch pos-4.2.1 has no exception on devices till-4; it has one on devices till-1; on devices till-2; on devices till-3", till("till-4"))
	end(1, "", till("till-2"))
	end(2, "", all)
	if got := listed(t, r); got != "" {
		t.Errorf("still in the rules: %s", got)
	}
}
