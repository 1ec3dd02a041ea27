package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/site/run"
)

// disk is the journal as the appliance writes it, in files of this machine.
type disk struct {
	t    *testing.T
	dir  string
	boot int
	file *journal.Journal
}

// openDisk makes an empty journal in a directory.
func openDisk(t *testing.T, dir string) *disk {
	d := &disk{t: t, dir: dir}
	d.open(d.place())
	return d
}

// place is where the journal of this boot is.
func (d *disk) place() string { return filepath.Join(d.dir, fmt.Sprint(d.boot)) }

func (d *disk) open(dir string) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		d.t.Fatal(err)
	}
	var err error
	if d.file, err = journal.Open(context.Background(), journal.Options{Dir: dir, Ballast: -1}); err != nil {
		d.t.Fatal(err)
	}
}

// crash leaves of the journal what is in its file, and opens that: it is checked from beginning to end.
func (d *disk) crash() {
	was := d.file
	bytes, err := os.ReadFile(was.Path())
	if err != nil {
		d.t.Fatal(err)
	}
	d.boot++
	dir := d.place()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, filepath.Base(was.Path())), bytes, 0o600); err != nil {
		d.t.Fatal(err)
	}
	if err := was.Close(); err != nil {
		d.t.Fatal(err)
	}
	d.open(dir)
}

// write appends and compares what the journal gave back with the places that were expected.
func (d *disk) write(records []run.Record) error {
	events := make([]run.Event, 0, len(records))
	for _, r := range records {
		events = append(events, r.Event)
	}
	wrote, err := d.file.Append(events, true)
	if err != nil {
		return err
	}
	return same(records, wrote)
}

// check compares the whole journal with what was acknowledged.
func (d *disk) check(lines [][]byte) error {
	var want, got []run.Record
	for _, line := range lines {
		want = append(want, decode(line))
	}
	err := d.file.Each(1, func(r run.Record) error {
		got = append(got, r)
		return nil
	})
	if err != nil {
		return err
	}
	return same(want, got)
}

// same compares the places and the events of records.
func same(want, got []run.Record) error {
	if len(want) != len(got) {
		return fmt.Errorf("%d records were acknowledged, and the journal has %d", len(want), len(got))
	}
	for i := range want {
		a, err := json.Marshal(want[i].Event)
		if err != nil {
			return err
		}
		b, err := json.Marshal(got[i].Event)
		if err != nil {
			return err
		}
		if want[i].Seq != got[i].Seq || string(a) != string(b) {
			return fmt.Errorf("record %d is %s, and the journal has %d %s", want[i].Seq, a, got[i].Seq, b)
		}
	}
	return nil
}
