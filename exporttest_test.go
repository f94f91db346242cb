package pgsrm_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// source is the project's Go files, test files included, by folder.
type source map[string][]*ast.File

// readSource parses all files of the module.
func readSource(t *testing.T) source {
	t.Helper()
	out, set := source{}, token.NewFileSet()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return skipForeign(path, d.Name())
		case !strings.HasSuffix(path, ".go"):
			return nil
		}
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		dir := filepath.ToSlash(filepath.Dir(path))
		out[dir] = append(out[dir], file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// inside says whether a file belongs to the package of its folder: code and internal
// tests, but not the tests that stand outside.
func inside(file *ast.File) bool { return !strings.HasSuffix(file.Name.Name, "_test") }

// isTest says whether a file holds tests.
func isTest(file *ast.File) bool {
	for _, spec := range file.Imports {
		if spec.Path.Value == `"testing"` {
			return true
		}
	}
	return !inside(file)
}

// TestEngineStandsAlone: of this module the engine imports the kernel alone, so that
// it knows no files, no formats and no tokenizer.
func TestEngineStandsAlone(t *testing.T) {
	for _, file := range readSource(t)["lm"] {
		if isTest(file) {
			continue
		}
		for _, spec := range file.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			ours := strings.HasPrefix(path, module+"/") && path != module+"/kernel"
			if ours || slices.Contains([]string{"os", "io", "io/fs", "path/filepath", "embed", "encoding/json"}, path) {
				t.Errorf("lm must not import %s", path)
			}
		}
	}
}

// TestPackageNames: a package is named for what it does.
func TestPackageNames(t *testing.T) {
	for dir, files := range readSource(t) {
		for _, name := range []string{files[0].Name.Name, filepath.Base(dir)} {
			if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "misc", "shared", "base"}, name) {
				t.Errorf("%s: a package must not be named %s", dir, name)
			}
		}
	}
}

// TestExportedNamesHaveUsers: a function, type, constant or variable is exported
// only if something outside its package names it, or if a type stands in the
// declaration of such a name. Tests and examples outside count.
func TestExportedNamesHaveUsers(t *testing.T) {
	src := readSource(t)
	used := map[string]bool{} // "lm.New"
	for dir, files := range src {
		for _, file := range files {
			markUses(used, dir, file)
		}
	}
	var found []string
	for dir, files := range src {
		if dir != "." && files[0].Name.Name != "main" {
			found = append(found, withoutUser(used, dir, files)...)
		}
	}
	slices.Sort(found)
	for _, name := range found {
		t.Errorf("%s is exported and has no user outside its package: make it private or delete it", name)
	}
}

// markUses marks what a file names of other packages of the module.
func markUses(used map[string]bool, dir string, file *ast.File) {
	imports := map[string]string{} // local name -> folder
	for _, spec := range file.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		imported, ours := strings.CutPrefix(path, module+"/")
		if !ours || imported == dir && inside(file) {
			continue
		}
		name := filepath.Base(imported)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		imports[name] = imported
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if x, ok := n.(*ast.SelectorExpr); ok {
			if pkg, ok := x.X.(*ast.Ident); ok && imports[pkg.Name] != "" {
				used[imports[pkg.Name]+"."+x.Sel.Name] = true
			}
		}
		return true
	})
}

// withoutUser lists the exported names of a package that nothing outside needs.
func withoutUser(used map[string]bool, dir string, files []*ast.File) []string {
	declared := map[string][]ast.Node{} // exported name -> what its users see of it
	for _, file := range files {
		if isTest(file) && !strings.HasSuffix(dir, "test") {
			continue
		}
		for _, decl := range file.Decls {
			declare(declared, decl)
		}
	}
	var reach func(name string)
	reached := map[string]bool{}
	reach = func(name string) {
		if reached[name] {
			return
		}
		reached[name] = true
		for _, node := range declared[name] {
			ast.Inspect(node, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok && declared[id.Name] != nil {
					reach(id.Name)
				}
				return true
			})
		}
	}
	for name := range declared {
		if used[dir+"."+name] {
			reach(name)
		}
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		if !reached[name] {
			out = append(out, dir+"."+name)
		}
	}
	return out
}

// declare notes the exported names of a declaration with what users see of them: the
// signature of a function, the type of a variable, fields and methods of a type; of a
// constant its whole block.
func declare(declared map[string][]ast.Node, decl ast.Decl) {
	add := func(name string, node ast.Node) {
		if ast.IsExported(name) {
			declared[name] = append(declared[name], node)
		}
	}
	switch d := decl.(type) {
	case *ast.FuncDecl:
		switch {
		case d.Recv == nil:
			add(d.Name.Name, d.Type)
		case ast.IsExported(d.Name.Name):
			add(receiver(d.Recv.List[0].Type), d.Type)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				add(s.Name.Name, s.Type)
			case *ast.ValueSpec:
				for _, name := range s.Names {
					add(name.Name, &ast.ValueSpec{Names: enumeration(d), Type: s.Type})
				}
			}
		}
	}
}

// enumeration is the names of a block of constants, which belong together.
func enumeration(d *ast.GenDecl) []*ast.Ident {
	var names []*ast.Ident
	for _, spec := range d.Specs {
		if s, ok := spec.(*ast.ValueSpec); ok && d.Tok == token.CONST {
			names = append(names, s.Names...)
		}
	}
	return names
}

// receiver is the name of a method's type.
func receiver(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.StarExpr:
		return receiver(x.X)
	case *ast.IndexExpr:
		return receiver(x.X)
	case *ast.Ident:
		return x.Name
	}
	return ""
}
