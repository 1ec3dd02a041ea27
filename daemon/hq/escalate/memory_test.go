package escalate

import (
	"fmt"
	"testing"
	"time"
)

// TestNext: what a crash left open goes first and alone, and a tier that has just spoken says nothing.
func TestNext(t *testing.T) {
	now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	tier := Tier{To: "webhook pager"}
	groups := map[string][]Item{"a": {{ID: "1", Since: now.Add(-time.Hour)}, {ID: "2", Since: now.Add(-time.Hour), Taken: true}}, "b": {{ID: "3", Since: now.Add(-time.Hour)}}}
	run := func(r tierRun) *memory { return &memory{Tiers: map[string]tierRun{tier.name(): r}} }
	for _, c := range []struct {
		name  string
		notes map[string]*memory
		want  string
	}{
		{"nothing was told yet", nil, " map[a:[1] b:[3]]"},
		{"a message is open", map[string]*memory{"a": run(tierRun{At: now.Add(-time.Minute), Messages: 1, Open: "X", Items: []string{"1"}})}, "X map[a:[1]]"},
		{"two are open", map[string]*memory{"a": run(tierRun{Open: "Y", Items: []string{"1"}}), "b": run(tierRun{Open: "X", Items: []string{"3"}})}, "Y map[a:[1]]"},
		{"it has just spoken", map[string]*memory{"a": run(tierRun{At: now.Add(-time.Minute), Messages: 1})}, " map[]"},
		{"more of a cause waits, another does not", map[string]*memory{"a": run(tierRun{At: now.Add(-10 * time.Minute), Messages: 1})}, " map[b:[3]]"},
		{"what was not sent is due again", map[string]*memory{"a": run(tierRun{At: now.Add(-time.Hour), Messages: 1, Failed: "no route"})}, " map[a:[1] b:[3]]"},
	} {
		if id, due := next(tier, groups, c.notes, now); fmt.Sprint(id, " ", due) != c.want {
			t.Errorf("%s: %s %v, want %s", c.name, id, due, c.want)
		}
	}
}
