package site_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/site"
	"pgregory.net/rapid"
)

// TestEffects compares the side-effect classes with the table that people read.
func TestEffects(t *testing.T) {
	text, err := os.ReadFile("../REFERENCE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "## Readiness checks")
	table, _, _ := strings.Cut(rest, "## ")
	var told []string
	for line := range strings.Lines(table) {
		if cells := strings.Split(line, " | "); strings.HasPrefix(line, "| `") {
			told = append(told, strings.Trim(cells[0], "|` ")+" "+strings.Trim(cells[len(cells)-1], "| \n"))
		}
	}
	var want []string
	for _, k := range site.CheckKinds() {
		effect, known := k.Effect()
		if !known || effect < site.Passive || effect > site.Synthetic {
			t.Errorf("%s has the effect %d, %v", k, effect, known)
		}
		want = append(want, fmt.Sprintf("%s %d", k, effect))
	}
	if !slices.Equal(told, want) {
		t.Errorf("REFERENCE.md says %v\nthe code says %v", told, want)
	}
	if effect, known := site.CheckKind("ping").Effect(); known {
		t.Errorf("ping has the effect %d", effect)
	}
}

func TestParents(t *testing.T) {
	check := func(id string, kind site.CheckKind, address string, needs ...string) site.Check {
		return site.Check{ID: id, Kind: kind, Address: address, URL: address, Server: address, Device: address, Needs: needs}
	}
	store := site.Store{
		Devices: []site.Device{{ID: "srv-1", Address: "10.77.0.11:22"}, {ID: "lab", Address: "127.0.0.1:2201"}, {ID: "lab6", Address: "[::1]:22"}},
		Checks: []site.Check{
			check("SVC", site.CheckService, "srv-1"), check("LAB", site.CheckDisk, "lab"), check("LAB6", site.CheckDisk, "lab6"),
			check("TCP", site.CheckTCP, "10.77.0.11:80", "SVC", "SVC", "nobody", "TCP"), check("OWN", site.CheckTCP, "localhost:80"),
			check("WEB", site.CheckHTTP, "http://pos.example/health"), check("OWNWEB", site.CheckHTTP, "http://127.0.0.1/health"), check("OWNWEB2", site.CheckHTTP, "http://localhost/x:y"),
			check("DNS", site.CheckDNS, ""), check("OWNDNS", site.CheckDNS, "127.0.0.53:53"), check("HH", site.CheckAgent, "hh-01"),
			check("LINK", site.CheckTCP, "10.77.0.2:22"), check("GW", site.CheckGateway, "", "LINK"), check("GW2", site.CheckGateway, "10.77.0.2"),
			check("A", site.CheckTCP, "localhost:1", "B"), check("B", site.CheckTCP, "localhost:1", "A"),
		},
	}
	got := store.Parents()
	want := map[string][]string{"SVC": {"GW"}, "TCP": {"SVC", "GW"}, "WEB": {"GW"}, "DNS": {"GW"}, "GW": {"LINK"}, "A": {"B"}}
	for _, c := range store.Checks {
		if !slices.Equal(got[c.ID], want[c.ID]) {
			t.Errorf("%s needs %v, want %v", c.ID, got[c.ID], want[c.ID])
		}
	}
}

// TestNothingIsItsOwnAncestor draws needs at random, circles among them.
func TestNothingIsItsOwnAncestor(t *testing.T) {
	ids := []string{"A", "B", "C", "D", "E", "F", "G"}
	rapid.Check(t, func(t *rapid.T) {
		var s site.Store
		for _, id := range ids {
			s.Checks = append(s.Checks, site.Check{ID: id, Kind: rapid.SampledFrom(site.CheckKinds()).Draw(t, "kind"), Needs: rapid.SliceOfN(rapid.SampledFrom(ids), 0, 3).Draw(t, "needs")})
		}
		parents := s.Parents()
		for _, id := range ids {
			todo, seen := slices.Clone(parents[id]), map[string]bool{}
			for len(todo) > 0 {
				p := todo[0]
				todo = todo[1:]
				if p == id {
					t.Fatalf("%s is its own ancestor: %v", id, parents)
				}
				if !seen[p] {
					seen[p] = true
					todo = append(todo, parents[p]...)
				}
			}
		}
	})
}
