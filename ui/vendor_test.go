package ui_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestVendored holds what was taken from others to the list of it in vendor.json: the same bytes,
// with a version and a licence, and nothing that is not in the list.
func TestVendored(t *testing.T) {
	data, err := os.ReadFile("vendor.json")
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Packages []struct {
			Name, Version, Registry, Use, Licence string
			Text                                  string `json:"licence_text"`
			Files                                 []struct{ Path, SHA256 string }
		}
	}
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, p := range list.Packages {
		if p.Name == "" || p.Version == "" || p.Licence == "" || len(p.Text) < 500 || p.Use == "" || !strings.HasPrefix(p.Registry, "https://") || len(p.Files) == 0 {
			t.Errorf("%s: the entry is not whole", p.Name)
		}
		for _, f := range p.Files {
			listed = append(listed, f.Path)
			body, err := os.ReadFile(filepath.FromSlash(f.Path))
			if err != nil {
				t.Errorf("%s: %v", p.Name, err)
				continue
			}
			if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != f.SHA256 {
				t.Errorf("%s is not the file of %s %s", f.Path, p.Name, p.Version)
			}
		}
	}
	for _, pattern := range []string{"pagetest/axe/*", "*/vendor/*"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range found {
			if !slices.Contains(listed, filepath.ToSlash(name)) {
				t.Errorf("%s is in no entry of vendor.json", name)
			}
		}
	}
}
