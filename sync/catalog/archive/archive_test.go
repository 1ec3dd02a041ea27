package archive_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/sync/catalog/archive"
)

func at(day int) time.Time { return time.Date(2026, 11, day, 2, 30, 0, 0, time.UTC) }

func keep(t *testing.T, a archive.Archive, version int64, day int, files map[string]string) {
	t.Helper()
	content := map[string][]byte{}
	for name, text := range files {
		content[name] = []byte(text)
	}
	if err := a.Keep(archive.Entry{Version: version, Issued: at(day), Accepted: at(day).Add(time.Hour), Root: 1}, content); err != nil {
		t.Fatal(err)
	}
}

func TestKeepAndForget(t *testing.T) {
	dir := t.TempDir()
	a := archive.At(filepath.Join(dir, "kept"))
	if list, err := a.List(); err != nil || len(list) != 0 {
		t.Fatalf("%v %v", list, err)
	}
	keep(t, a, 9, 9, map[string]string{"timestamp.json": "nine", "targets.json": "same"})
	keep(t, a, 10, 10, map[string]string{"timestamp.json": "ten", "targets.json": "same"})
	keep(t, a, 11, 11, map[string]string{"timestamp.json": "eleven", "targets.json": "new"})
	keep(t, a, 10, 28, map[string]string{"timestamp.json": "forged"})
	list, err := a.List()
	if err != nil || len(list) != 3 || list[0].Version != 9 || list[2].Version != 11 || !list[1].Issued.Equal(at(10)) {
		t.Fatalf("%v %v", list, err)
	}
	data, err := a.File(list[1].Files["timestamp.json"])
	if err != nil || string(data) != "ten" {
		t.Errorf("%q %v", data, err)
	}
	if files, _ := os.ReadDir(filepath.Join(dir, "kept", "files")); len(files) != 5 {
		t.Errorf("%d files are kept, want 5: one is shared", len(files))
	}

	if err := a.Forget(at(11)); err != nil { // 10 was in force then
		t.Fatal(err)
	}
	list, err = a.List()
	if err != nil || len(list) != 2 || list[0].Version != 10 {
		t.Fatalf("%v %v", list, err)
	}
	for name, sum := range list[0].Files {
		if _, err := a.File(sum); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if files, _ := os.ReadDir(filepath.Join(dir, "kept", "files")); len(files) != 4 {
		t.Errorf("%d files are kept, want 4", len(files))
	}
}

func TestDamage(t *testing.T) {
	dir := t.TempDir()
	a := archive.At(dir)
	keep(t, a, 9, 9, map[string]string{"timestamp.json": "nine"})
	keep(t, a, 10, 10, map[string]string{"timestamp.json": "ten"})
	list, err := a.List()
	if err != nil {
		t.Fatal(err)
	}
	sum := list[0].Files["timestamp.json"]
	if err := os.WriteFile(filepath.Join(dir, "files", sum), []byte("eight"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := a.File(sum); err == nil || !strings.HasSuffix(err.Error(), sum+" is damaged") {
		t.Errorf("got %v", err)
	}
	if _, err := a.File("../9.json"); err == nil {
		t.Error("a name that is no digest leads out of the folder")
	}
	if err := os.WriteFile(filepath.Join(dir, "9.json"), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	list, err = a.List()
	if len(list) != 1 || err == nil || !strings.HasSuffix(err.Error(), "9.json is damaged") {
		t.Errorf("%v %v", list, err)
	}
	if err := a.Forget(at(28)); err == nil {
		t.Error("files are forgotten though it is not known who needs them")
	}
}
