package depot

import (
	"os"
	"testing"
	"time"
)

// Look tells what is there without reading it: nothing, a part, all of it; and when it was compared last.
func TestLook(t *testing.T) {
	data := content()
	d, a := New(t.TempDir()+"/depot", serve(t, honest(data)), nil), artifact(data)
	if h := d.Look(a); h != (Held{}) {
		t.Errorf("before: %+v", h)
	}
	if u, err := d.Use(); err != nil || u != (Use{}) {
		t.Errorf("before: %+v, %v", u, err)
	}
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.part(a), data[:1000], 0o600); err != nil {
		t.Fatal(err)
	}
	if h := d.Look(a); h != (Held{Bytes: 1000}) {
		t.Errorf("a part: %+v", h)
	}
	if err := d.Fetch(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	past := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(d.path(a), past, past); err != nil {
		t.Fatal(err)
	}
	if h := d.Look(a); !h.Whole || h.Bytes != size || !h.Arrived.Equal(past) || !h.Verified.Equal(past) {
		t.Errorf("whole: %+v", h)
	}
	if err := d.Verify(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if h := d.Look(a); !h.Arrived.Equal(past) || time.Since(h.Verified) > time.Minute {
		t.Errorf("verified: %+v", h)
	}
	if err := os.WriteFile(d.dir+"/README", []byte("not ours"), 0o600); err != nil {
		t.Fatal(err)
	}
	if u, err := d.Use(); err != nil || u.Bytes != size || u.Files != 1 || u.Free < 1 {
		t.Errorf("use: %+v, %v", u, err)
	}
	a.SHA256 = "../x"
	if h := d.Look(a); h != (Held{}) {
		t.Errorf("a digest that is a path: %+v", h)
	}
}
