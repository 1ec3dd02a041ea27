package nightfill_test

import (
	"go/ast"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestReasons holds the list of reasons closed: every code in site/reason.go is given by a rule or a
// driver, not only compared with, and nobody makes one that is not in the list.
func TestReasons(t *testing.T) {
	tree, err := load(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]bool{}
	var codes []string
	for _, f := range tree.files {
		switch {
		case f.path == "site/reason.go":
			codes = constants(f)
		case !f.test:
			uses := codesIn(f)
			for _, breach := range uses.made {
				t.Error(breach)
			}
			for _, name := range uses.given {
				given[name] = given[name] || !pretends(f.dir)
			}
		}
	}
	if len(codes) < 40 {
		t.Fatalf("only %d codes were found", len(codes))
	}
	for _, code := range codes {
		if !given[code] {
			t.Errorf("site.%s is given by no rule and no driver", code)
		}
	}
}

// pretends reports whether a package plays a store, a device or a person for tests and the demo.
func pretends(dir string) bool {
	return slices.Contains([]string{"daemon/control/controltest", "daemon/sim", "devices/fake", "devices/fakessh", "devices/drivertest", "site/plan/scenario"}, dir)
}

// constants names the constants of a file whose names begin with Code.
func constants(f *file) []string {
	var names []string
	ast.Inspect(f.File, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			for _, name := range spec.Names {
				if strings.HasPrefix(name.Name, "Code") {
					names = append(names, name.Name)
				}
			}
		}
		return true
	})
	return names
}

type codeUses struct {
	given []string // codes that are passed on as a value
	made  []string // breaches: codes that are made from text
}

// codesIn finds the codes that a file gives. What only compares gives none: operands of == and !=,
// the cases of a switch, and lists to look something up in.
func codesIn(f *file) codeUses {
	var uses codeUses
	ast.Inspect(f.File, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			return n.Op != token.EQL && n.Op != token.NEQ
		case *ast.CaseClause:
			for _, statement := range n.Body {
				nested := codesIn(&file{File: &ast.File{Name: f.Name, Decls: []ast.Decl{wrapped(statement)}}, path: f.path, dir: f.dir, fset: f.fset})
				uses.given, uses.made = append(uses.given, nested.given...), append(uses.made, nested.made...)
			}
			return false
		case *ast.CompositeLit:
			list, ok := n.Type.(*ast.ArrayType)
			return !ok || !isCode(list.Elt)
		case *ast.SelectorExpr:
			if from, ok := n.X.(*ast.Ident); ok && from.Name == "site" && strings.HasPrefix(n.Sel.Name, "Code") {
				uses.given = append(uses.given, n.Sel.Name)
			}
		case *ast.CallExpr:
			uses.made = append(uses.made, codeMade(f, n)...)
		case *ast.ValueSpec:
			if isCode(n.Type) && slices.ContainsFunc(n.Values, isText) {
				uses.made = append(uses.made, f.at(n.Pos(), "a reason's code belongs in site/reason.go"))
			}
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Code" && isText(n.Value) && reasoned(f) {
				uses.made = append(uses.made, f.at(n.Pos(), "a reason's code belongs in site/reason.go"))
			}
		}
		return true
	})
	return uses
}

// wrapped makes a declaration of a statement, so that it can be looked at by itself.
func wrapped(s ast.Stmt) ast.Decl {
	return &ast.FuncDecl{Name: ast.NewIdent("_"), Type: &ast.FuncType{Params: &ast.FieldList{}}, Body: &ast.BlockStmt{List: []ast.Stmt{s}}}
}

// reasoned reports whether a file is of a folder that has no codes of its own beside those of reasons.
func reasoned(f *file) bool {
	return strings.HasPrefix(f.dir, "site/") && f.dir != "site/ready" || strings.HasPrefix(f.dir, "devices") || f.dir == "daemon/runner"
}

// codeMade finds calls that make a code from text: Because, Failure, and the conversion to Code but
// of nothing, and of what a device says where it is compared with the list at once.
func codeMade(f *file, call *ast.CallExpr) []string {
	name := ""
	switch fun := call.Fun.(type) {
	case *ast.SelectorExpr:
		name = fun.Sel.Name
	case *ast.Ident:
		name = fun.Name
	}
	if len(call.Args) == 0 {
		return nil
	}
	text := isText(call.Args[0])
	switch {
	case (name == "Because" || name == "Failure") && text,
		isCode(call.Fun) && text,
		isCode(call.Fun) && !isLiteral(call.Args[0]) && f.path != "devices/sshhost/sshhost.go":
		return []string{f.at(call.Pos(), "a reason's code is made from text: name one of site/reason.go")}
	}
	return nil
}

func isCode(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		from, ok := e.X.(*ast.Ident)
		return ok && from.Name == "site" && e.Sel.Name == "Code"
	case *ast.Ident:
		return e.Name == "Code"
	}
	return false
}

func isLiteral(e ast.Expr) bool { _, ok := e.(*ast.BasicLit); return ok }

// isText reports whether an expression is a text with something in it.
func isText(e ast.Expr) bool {
	lit, ok := e.(*ast.BasicLit)
	return ok && lit.Kind == token.STRING && lit.Value != `""`
}
