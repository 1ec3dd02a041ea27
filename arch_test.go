// Package nightfill_test holds the tests of the whole tree: the rules of its architecture.
// They read the source and build nothing.
package nightfill_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module       = "github.com/nightfill/nightfill"
	maxFileLines = 800
	maxFuncLines = 100
)

// allowedVars are patterns of package-level variables that no rule covers. Each entry is for
// values that nothing ever changes and that Go cannot make constants.
func allowedVars() []string {
	return []string{
		"cmd/nightfill*.version", // set by the linker when a release is built
		"cmd/nightfill*.built",
		"daemon/journal.bucket*", // names in the file, as bbolt wants them: bytes
		"daemon/journal.key*",
		"devices/fakessh.epoch", // a fixed time
		"devices/sshhost.*Text", // embedded scripts put together
		"site/ready/words.all",  // the languages, read from embedded files
		"sync/patchfile.*Keys",  // what may be written in a patch file
	}
}

// allowed reports whether a variable, written folder.name, is one of allowedVars.
func allowed(name string) bool {
	return slices.ContainsFunc(allowedVars(), func(pattern string) bool {
		ok, _ := path.Match(pattern, name)
		return ok
	})
}

func TestArchitecture(t *testing.T) {
	tree, err := load(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.files) < 20 {
		t.Fatalf("only %d files were found", len(tree.files))
	}
	for _, breach := range tree.breaches() {
		t.Error(breach)
	}
}

// tree is the source of the module.
type tree struct {
	fset  *token.FileSet
	files []*file
}

type file struct {
	*ast.File
	path      string // "site/window/span.go"
	dir       string // "site/window"
	test      bool
	generated bool
	fset      *token.FileSet
}

func load(root fs.FS) (*tree, error) {
	t := &tree{fset: token.NewFileSet()}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		hidden := name != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_"))
		if d.IsDir() {
			if hidden || base == "testdata" || base == "node_modules" || base == "vendor" {
				return fs.SkipDir
			}
			return nil
		}
		if hidden || !strings.HasSuffix(name, ".go") {
			return nil
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(t.fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		t.files = append(t.files, &file{
			File: parsed, path: name, dir: path.Dir(name), fset: t.fset,
			test: strings.HasSuffix(name, "_test.go"), generated: ast.IsGenerated(parsed),
		})
		return nil
	})
	return t, err
}

// breaches returns all breaches of all rules, each with its place.
func (t *tree) breaches() []string {
	all := t.packageComments()
	for _, f := range t.files {
		for _, rule := range []func(*file) []string{imports, purity, comments, initsAndVars, sleeps, sizes} {
			all = append(all, rule(f)...)
		}
	}
	return all
}

// at writes a breach as file:line: message.
func (f *file) at(pos token.Pos, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: %s", f.path, f.fset.Position(pos).Line, fmt.Sprintf(format, args...))
}

// imports holds every package to what its folder may import.
func imports(f *file) []string {
	var breaches []string
	for _, spec := range f.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		why := ""
		if spec.Name != nil && spec.Name.Name == "." {
			why = "dot imports hide where a name comes from"
		} else if own, ok := strings.CutPrefix(imported, module+"/"); ok {
			why = forbiddenOwn(f, own)
		} else if top(f.dir) == "site" && !f.test {
			why = forbiddenInSite(imported)
		}
		if why != "" {
			breaches = append(breaches, f.at(spec.Pos(), "imports %s: %s", imported, why))
		}
	}
	return breaches
}

// forbiddenOwn says why a file may not import a package of this module, and "" where it may.
func forbiddenOwn(f *file, imported string) string {
	from, to := top(f.dir), top(imported)
	switch {
	case to == "cmd" && from != "cmd":
		return "nobody imports cmd"
	case from == "cmd" || from == "daemon":
		return ""
	case from == "site" && to == "site":
		if !f.test {
			return forbiddenLayer(f.dir, imported)
		}
		return ""
	case from == "site":
		return "site imports site only"
	case from == "ui" || from == "devices" || from == "sync":
		switch {
		case to == "site", from == to && (f.test || within(f.dir, imported) || within(imported, f.dir)):
			return ""
		case from == to:
			return from + " packages do not import their neighbours: declare the interface that is needed"
		}
		return from + " imports site only: declare the interface that is needed"
	case f.dir == ".":
		return ""
	}
	return "the architecture has no folder " + from
}

// forbiddenLayer keeps the order window <- site <- estimate <- policy <- plan <- run <- forecast <- board. Any other package of site,
// as ready, stands beside run and imports only window and site.
func forbiddenLayer(dir, imported string) string {
	order := []string{"site/window", "site", "site/estimate", "site/policy", "site/plan", "site/run", "site/forecast", "site/board"}
	from, to := layer(dir), layer(imported)
	if from == to {
		return ""
	}
	mine, theirs := slices.Index(order, from), slices.Index(order, to)
	switch {
	case mine < 0 && (to == "site/window" || to == "site"):
		return ""
	case mine < 0:
		return from + " stands beside site/run and imports only site and site/window"
	case theirs < 0 || theirs > mine:
		return "the order is " + strings.Join(order, " <- ")
	}
	return ""
}

// forbiddenInSite says why site may not import a package from outside of this module.
func forbiddenInSite(imported string) string {
	first, rest, _ := strings.Cut(imported, "/")
	if strings.Contains(first, ".") {
		return "site imports the standard library only"
	}
	switch {
	case first == "os", first == "net", first == "log", first == "sync", first == "context", first == "syscall", first == "testing",
		first == "math" && strings.HasPrefix(rest, "rand"), imported == "crypto/rand", imported == "io/ioutil", imported == "time/tzdata":
		return "site is pure: values in, values out"
	}
	return ""
}

func top(dir string) string { return strings.SplitN(dir, "/", 2)[0] }

// layer is the package of site that a folder belongs to: site/window for site/window/tzdata.
func layer(dir string) string {
	parts := strings.SplitN(dir, "/", 3)
	return strings.Join(parts[:min(len(parts), 2)], "/")
}

// within reports whether dir is folder or lies below it.
func within(dir, folder string) bool { return strings.HasPrefix(dir+"/", folder+"/") }

// purity finds clocks, goroutines and the machine's zones in site.
func purity(f *file) []string {
	if f.test || top(f.dir) != "site" {
		return nil
	}
	impure := []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "LoadLocation"}
	breaches := f.uses("time", impure, "site reads no clock: take the time as an argument")
	ast.Inspect(f.File, func(n ast.Node) bool {
		if stmt, ok := n.(*ast.GoStmt); ok {
			breaches = append(breaches, f.at(stmt.Pos(), "go statement: site starts no goroutine"))
		}
		return true
	})
	return breaches
}

// sleeps finds tests that wait for real time.
func sleeps(f *file) []string {
	if !f.test {
		return nil
	}
	return f.uses("time", []string{"Sleep"}, "tests do not sleep: wait for the event, or use testing/synctest")
}

// uses finds the names of an imported package that are used in the file.
func (f *file) uses(imported string, names []string, why string) []string {
	local := ""
	for _, spec := range f.Imports {
		if spec.Path.Value == strconv.Quote(imported) {
			local = path.Base(imported)
			if spec.Name != nil {
				local = spec.Name.Name
			}
		}
	}
	var breaches []string
	ast.Inspect(f.File, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && local != "" && slices.Contains(names, sel.Sel.Name) {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == local {
				breaches = append(breaches, f.at(sel.Pos(), "%s.%s: %s", imported, sel.Sel.Name, why))
			}
		}
		return true
	})
	return breaches
}

// packageComments wants one comment for each package.
func (t *tree) packageComments() []string {
	first, commented := map[string]*file{}, map[string]bool{}
	var dirs []string
	for _, f := range t.files {
		if f.test {
			continue
		}
		if first[f.dir] == nil {
			first[f.dir] = f
			dirs = append(dirs, f.dir)
		}
		commented[f.dir] = commented[f.dir] || f.Doc != nil
	}
	var breaches []string
	for _, dir := range dirs {
		if !commented[dir] {
			breaches = append(breaches, first[dir].at(first[dir].Package, "package %s has no package comment", first[dir].Name))
		}
	}
	return breaches
}

// comments wants one for each exported name.
func comments(f *file) []string {
	if f.test || f.generated {
		return nil
	}
	var breaches []string
	missing := func(name *ast.Ident, docs ...*ast.CommentGroup) {
		if name.IsExported() && !slices.ContainsFunc(docs, func(c *ast.CommentGroup) bool { return c != nil }) {
			breaches = append(breaches, f.at(name.Pos(), "%s has no comment", name.Name))
		}
	}
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil || ast.IsExported(receiver(d)) {
				missing(d.Name, d.Doc)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					missing(s.Name, d.Doc, s.Doc, s.Comment)
				case *ast.ValueSpec:
					for _, name := range s.Names {
						missing(name, d.Doc, s.Doc, s.Comment)
					}
				}
			}
		}
	}
	return breaches
}

// receiver is the name of a method's type.
func receiver(d *ast.FuncDecl) string {
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

// initsAndVars finds what runs before main and what two parts of a program could share unseen.
func initsAndVars(f *file) []string {
	var breaches []string
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.Name == "init" {
				breaches = append(breaches, f.at(d.Pos(), "func init: wire things up where they are made"))
			}
		case *ast.GenDecl:
			if d.Tok != token.VAR || f.test || f.generated {
				continue
			}
			for _, spec := range d.Specs {
				s := spec.(*ast.ValueSpec)
				for i, name := range s.Names {
					if !harmless(d, s, i) && !allowed(f.dir+"."+name.Name) {
						breaches = append(breaches, f.at(name.Pos(), "package variable %s: pass it in, make it a constant or return it from a function", name.Name))
					}
				}
			}
		}
	}
	return breaches
}

// harmless reports whether a package-level variable is an error, a regexp, a template, an
// embedded file or an assertion: things that are written once, by the program's start.
func harmless(d *ast.GenDecl, s *ast.ValueSpec, i int) bool {
	name := s.Names[i].Name
	if name == "_" || strings.HasPrefix(name, "Err") || strings.HasPrefix(name, "err") {
		return true
	}
	for _, doc := range []*ast.CommentGroup{d.Doc, s.Doc} {
		if doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") }) {
			return true
		}
	}
	if i >= len(s.Values) {
		return false
	}
	made := false
	ast.Inspect(s.Values[i], func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			x, _ := sel.X.(*ast.Ident)
			made = made || x != nil && (x.Name == "regexp" && strings.HasPrefix(sel.Sel.Name, "MustCompile") || x.Name == "template" && sel.Sel.Name == "Must")
		}
		return !made
	})
	_, call := s.Values[i].(*ast.CallExpr)
	return made && call
}

// sizes keeps files and functions readable.
func sizes(f *file) []string {
	if f.generated {
		return nil
	}
	var breaches []string
	if n := f.fset.File(f.Package).LineCount(); n > maxFileLines {
		breaches = append(breaches, f.at(f.Package, "file of %d lines: at most %d", n, maxFileLines))
	}
	for _, decl := range f.Decls {
		d, ok := decl.(*ast.FuncDecl)
		if !ok || f.test {
			continue
		}
		if n := f.fset.Position(d.End()).Line - f.fset.Position(d.Pos()).Line + 1; n > maxFuncLines {
			breaches = append(breaches, f.at(d.Pos(), "function %s of %d lines: at most %d", d.Name.Name, n, maxFuncLines))
		}
	}
	return breaches
}
