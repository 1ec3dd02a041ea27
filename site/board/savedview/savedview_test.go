package savedview_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/savedview"
)

func noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

func kept() []savedview.View {
	return []savedview.View{
		{ID: "a", Name: "Late north", Page: "/stores", Query: "contact=late&region=North", Owner: "kim"},
		{ID: "b", Name: "Critical", Page: "/patches", Owner: "kim"},
		{ID: "c", Name: "Everybody's", Page: "/stores", Owner: "lee", Shared: true},
		{ID: "d", Name: "Lee's own", Page: "/stores", Owner: "lee"},
	}
}

func said(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestNew(t *testing.T) {
	kim, viewer := savedview.Person{Name: "kim", Manager: true}, savedview.Person{Name: "vera"}
	var many []savedview.View
	for i := range savedview.Limit {
		many = append(many, savedview.View{ID: fmt.Sprint(i), Name: fmt.Sprint(i), Owner: "kim", Page: "/stores"})
	}
	for _, c := range []struct {
		what string
		all  []savedview.View
		v    savedview.View
		by   savedview.Person
		want string
	}{
		{"new", kept(), savedview.View{Name: "Silent", Page: "/stores"}, kim, ""},
		{"of a viewer", kept(), savedview.View{Name: "Silent", Page: "/stores"}, viewer, ""},
		{"named as on another page", kept(), savedview.View{Name: "Critical", Page: "/stores"}, kim, ""},
		{"named as what another keeps", kept(), savedview.View{Name: "Lee's own", Page: "/stores"}, kim, ""},
		{"named twice", kept(), savedview.View{Name: " late  NORTH ", Page: "/stores"}, kim, `you keep a view named "Late north" here already: take another name, or remove that one first`},
		{"named as a shared one", kept(), savedview.View{Name: "everybody's", Page: "/stores"}, viewer, `there is a view named "Everybody's" here for everybody already: take another name`},
		{"no name", nil, savedview.View{Name: " \t"}, kim, "give the view a name"},
		{"60 characters", nil, savedview.View{Name: strings.Repeat("ä", 60)}, kim, ""},
		{"61 characters", nil, savedview.View{Name: strings.Repeat("ä", 61)}, kim, "the name is too long: 60 characters at most"},
		{"no text", nil, savedview.View{Name: "a\x00b"}, kim, "the name has characters that cannot be read"},
		{"100 views", many, savedview.View{Name: "one more"}, kim, "you keep 100 views already: remove one first"},
		{"100 views of another", many, savedview.View{Name: "one more"}, viewer, ""},
		{"too many filters", nil, savedview.View{Name: "all", Query: strings.Repeat("x", 8001)}, kim, "the view has too many filters: its address may have 8000 characters"},
		{"shared", nil, savedview.View{Name: "all", Shared: true}, kim, ""},
		{"shared by a viewer", nil, savedview.View{Name: "all", Shared: true}, viewer, "only a manager keeps views for everybody: ask one"},
	} {
		v, err := savedview.New(c.all, c.v, c.by, noon())
		if said(err) != c.want {
			t.Errorf("%s: %q, want %q", c.what, said(err), c.want)
		}
		if err == nil && (v.Owner != c.by.Name || !v.Kept.Equal(noon()) || strings.TrimSpace(v.Name) != v.Name) {
			t.Errorf("%s: kept %+v", c.what, v)
		}
	}
}

func TestChange(t *testing.T) {
	all := kept()
	kim, lee, vera, boss := savedview.Person{Name: "kim"}, savedview.Person{Name: "lee", Manager: true}, savedview.Person{Name: "vera"}, savedview.Person{Name: "boss", Manager: true}
	for _, c := range []struct {
		what string
		err  error
		want string
	}{
		{"own", second(all[0].Rename(all, "Later north", kim, noon())), ""},
		{"other letters", second(all[0].Rename(all, "LATE north", kim, noon())), ""},
		{"name of another", second(all[3].Rename(all, "everybody's", lee, noon())), `you keep a view named "Everybody's" here already: take another name, or remove that one first`},
		{"of another", second(all[3].Rename(all, "x", boss, noon())), "only a manager keeps views for everybody: ask one"},
		{"shared, by a manager", second(all[2].Rename(all, "x", boss, noon())), ""},
		{"shared, by a viewer", second(all[2].Rename(all, "x", vera, noon())), "only a manager keeps views for everybody: ask one"},
		{"share", second(all[3].Share(all, true, lee, noon())), ""},
		{"share as no manager", second(all[0].Share(all, true, kim, noon())), "only a manager keeps views for everybody: ask one"},
		{"not any more", second(all[2].Share(all, false, lee, noon())), ""},
	} {
		if said(c.err) != c.want {
			t.Errorf("%s: %q, want %q", c.what, said(c.err), c.want)
		}
	}
	if !all[2].Seen("vera") || all[3].Seen("vera") || !all[3].Seen("lee") {
		t.Error("the wrong people see the views")
	}
}

func second(_ savedview.View, err error) error { return err }

func TestRead(t *testing.T) {
	var notes []board.Note
	for i, v := range kept() {
		n, err := v.Note(int64(i+1), "kim")
		if err != nil {
			t.Fatal(err)
		}
		notes = append(notes, n)
	}
	notes = append(notes, board.Note{Kind: savedview.NoteKind, ID: "gone", Version: 2}, board.Note{ID: "bad", Body: []byte("{")}, board.Note{ID: "other", Body: []byte(`{"id":"a"}`)})
	views, versions := savedview.Read(notes)
	names := ""
	for _, v := range views {
		names += v.Name + "|"
	}
	if names != "Critical|Everybody's|Late north|Lee's own|" || versions["c"] != 3 || len(versions) != 4 {
		t.Errorf("read %s with %v", names, versions)
	}
	if views[2].Address() != "/stores?contact=late&region=North" || views[0].Address() != "/patches" {
		t.Errorf("addresses %s and %s", views[2].Address(), views[0].Address())
	}
}
