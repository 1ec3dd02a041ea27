package config_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"

	"github.com/nightfill/nightfill/daemon/config"
	"github.com/nightfill/nightfill/daemon/config/strict"
)

// keys returns the token of every key in a store file.
func keys(text string) []*token.Token {
	var all []*token.Token
	for _, t := range lexer.Tokenize(text) {
		if t.Type == token.MappingValueType && t.Prev != nil {
			all = append(all, t.Prev)
		}
	}
	return all
}

// renamed returns text with the key at k written as name.
func renamed(text string, k *token.Token, name string) string {
	lines := strings.Split(text, "\n")
	line := lines[k.Position.Line-1]
	at := k.Position.Column - 1
	lines[k.Position.Line-1] = line[:at] + name + line[at+len(k.Value):]
	return strings.Join(lines, "\n")
}

// TestEveryRenamedKeyIsFound renames each key of two files in turn: the reader must point at
// it, or, for a name that the file itself chose, at a place that uses it, and offer the right one.
func TestEveryRenamedKeyIsFound(t *testing.T) {
	for _, name := range []string{"contract.yaml", "full.yaml"} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		text := string(data)
		found := keys(text)
		if len(found) < 50 {
			t.Fatalf("%s: only %d keys", name, len(found))
		}
		every := 1
		if testing.Short() {
			every = 3 // the whole of it is in .ci/run
			t.Logf("%s: every third of %d keys", name, len(found))
		}
		for i := 0; i < len(found); i += every {
			k := found[i]
			for _, wrong := range []string{k.Value + "x", k.Value[:len(k.Value)-1] + "#"} {
				_, err := config.Parse(name, []byte(renamed(text, k, wrong)))
				var problems strict.Problems
				if !errors.As(err, &problems) {
					t.Errorf("%s:%v: %s written as %s is not refused: %v", name, k.Position, k.Value, wrong, err)
					continue
				}
				if !points(problems, k, wrong) {
					t.Errorf("%s:%v: %s written as %s:\n%v", name, k.Position, k.Value, wrong, problems)
				}
			}
		}
	}
}

// points reports whether one of the problems shows what is wrong with the key k.
func points(problems strict.Problems, k *token.Token, wrong string) bool {
	for _, p := range problems {
		here := p.Line == k.Position.Line && p.Column == k.Position.Column
		switch {
		case here && p.Instead == "did you mean "+k.Value+"?":
			return true
		case here && strings.Contains(p.Wrong, "is not a day of the week"):
			return true
		case p.Line > 0 && (p.Instead == "did you mean "+wrong+"?" || p.Instead == "did you mean "+k.Value+"?"):
			return true // a group or a capability under another name
		case strings.Contains(p.Wrong, "cannot be a name"), strings.Contains(p.Wrong, "no device has the capability"):
			return true
		}
	}
	return false
}

func TestProblemsComeInTheOrderOfTheFile(t *testing.T) {
	_, err := config.Parse("store.yaml", []byte("state: 1\nversion: x\nstore: {id: 1}\n"))
	var problems strict.Problems
	if !errors.As(err, &problems) || len(problems) < 5 {
		t.Fatalf("problems: %v", err)
	}
	for i, p := range problems[1:] {
		if last := problems[i]; p.Line < last.Line || (p.Line == last.Line && p.Column < last.Column) {
			t.Errorf("%v comes after %v", p, last)
		}
	}
	if first, second := problems[0].Pointer, problems[1].Pointer; first != "/window" || second != "/state" {
		t.Errorf("pointers = %q, %q", first, second)
	}
}
