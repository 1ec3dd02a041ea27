package tzdata_test

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site/window/tzdata"
)

func TestLoad(t *testing.T) {
	summer := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for name, want := range map[string]string{
		"America/Chicago":                "07:00 CDT",
		"America/Argentina/Buenos_Aires": "09:00 -03",
		"Australia/Lord_Howe":            "22:30 +1030",
		"Africa/Cairo":                   "15:00 EEST",
		"Etc/GMT+5":                      "07:00 -05",
		"UTC":                            "12:00 UTC",
	} {
		zone, err := tzdata.Load(name)
		if err != nil {
			t.Errorf("Load(%q): %v", name, err)
			continue
		}
		if got := summer.In(zone).Format("15:04 MST"); got != want || zone.String() != name {
			t.Errorf("Load(%q) shows %s in %s, want %s in %[1]s", name, got, zone, want)
		}
	}
}

// TestLoadLooksNowhereElse gives the machine a zone of its own, which must not be found.
func TestLoadLooksNowhereElse(t *testing.T) {
	archive, err := zip.OpenReader("zoneinfo.zip")
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	real, err := fs.ReadFile(archive, "America/Chicago")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Mine"), real, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("ZONEINFO", dir)
	if _, err := time.LoadLocation("Mine"); err != nil {
		t.Skipf("the machine's own zone is not found here: %v", err)
	}
	if _, err := tzdata.Load("Mine"); err == nil {
		t.Error("a zone of the machine was loaded")
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, want := range map[string]string{
		"":                  `no time zone is named: write the store's, for example America/Chicago`,
		"Local":             `the time zone Local is whatever a box believes: write the store's, for example America/Chicago`,
		"Factory":           `the time zone Factory means that none was set: write the store's, for example America/Chicago`,
		"America/Chicgo":    `no time zone is called "America/Chicgo"; did you mean America/Chicago?`,
		"america/new york":  `no time zone is called "america/new york"; did you mean America/New_York?`,
		"Berlin":            `no time zone is called "Berlin"; did you mean Europe/Berlin?`,
		"US/Centrale":       `no time zone is called "US/Centrale"; did you mean US/Central?`,
		"Knox":              `no time zone is called "Knox"; did you mean America/Indiana/Knox?`,
		"Indianapolis":      `no time zone is called "Indianapolis"; did you mean America/Indianapolis or America/Indiana/Indianapolis?`,
		"CDT":               `no time zone is called "CDT": write a name of the IANA list, for example America/Chicago`,
		"America":           `no time zone is called "America": write a name of the IANA list, for example America/Chicago`,
		"America/":          `no time zone is called "America/": write a name of the IANA list, for example America/Chicago`,
		"../../etc/passwd":  `no time zone is called "../../etc/passwd": write a name of the IANA list, for example America/Chicago`,
		"Nowhere/Farawayer": `no time zone is called "Nowhere/Farawayer": write a name of the IANA list, for example America/Chicago`,
	} {
		zone, err := tzdata.Load(name)
		if err == nil || err.Error() != want || zone != nil {
			t.Errorf("Load(%q) = %v, %v\nwant %s", name, zone, err, want)
		}
	}
}

func TestVersion(t *testing.T) {
	if v := tzdata.Version(); !regexp.MustCompile(`^20\d\d[a-z]$`).MatchString(v) {
		t.Errorf("version %q is not like 2025c", v)
	}
}

// TestSameAsGo fails when the installed Go brings other data: run scripts/update-tzdata.
func TestSameAsGo(t *testing.T) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Skipf("no go command: %v", err)
	}
	dir := filepath.Join(strings.TrimSpace(string(root)), "lib", "time")
	script, err := os.ReadFile(filepath.Join(dir, "update.bash"))
	if err != nil {
		t.Skipf("this Go brings no time zone data: %v", err)
	}
	match := regexp.MustCompile(`(?m)^DATA=(\w+)$`).FindSubmatch(script)
	if match == nil {
		t.Fatalf("%s names no version of the data", dir)
	}
	if theirs := string(match[1]); theirs != tzdata.Version() {
		t.Fatalf("the data is %s, Go brings %s: run scripts/update-tzdata", tzdata.Version(), theirs)
	}
	theirs, err := os.ReadFile(filepath.Join(dir, "zoneinfo.zip"))
	if err != nil {
		t.Fatal(err)
	}
	ours, err := os.ReadFile("zoneinfo.zip")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(ours, theirs) {
		t.Errorf("the data differs from Go's of the same version %s: run scripts/update-tzdata", tzdata.Version())
	}
}
