package pgsrm_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// packageOrder reads the list of packages in doc.go: the tab-indented lines
// between the first paragraph and the legend of letters, one package a line.
func packageOrder(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	tour, _, found := strings.Cut(string(text), "// # Letters")
	if !found {
		t.Fatal("doc.go: must have a section Letters after the list of packages")
	}
	var order []string
	for line := range strings.Lines(tour) {
		if name, ok := strings.CutPrefix(line, "//\t"); ok {
			order = append(order, strings.Fields(name)[0])
		}
	}
	return order
}

// place returns the position in order of the package that the import path
// (relative to the module) belongs to, -1 where it is not listed. A folder
// below a listed package belongs to that package.
func place(order []string, path string) int {
	return slices.IndexFunc(order, func(name string) bool {
		return path == name || strings.HasPrefix(path, name+"/")
	})
}

// TestImportsFollowTheData holds the order of doc.go: the code of a package
// imports only packages above it. Test files are free, as they may need the
// data of a later package; Go itself forbids a cycle among them.
func TestImportsFollowTheData(t *testing.T) {
	order := packageOrder(t)
	if len(order) < 10 {
		t.Fatalf("doc.go: must list the packages of the project (got %q)", order)
	}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skipForeign(path, d.Name())
		}
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") && filepath.Dir(path) != "." {
			checkImports(t, order, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// skipForeign leaves out what the go command leaves out of ./...: hidden and
// underscored folders, testdata, and modules of their own.
func skipForeign(path, name string) error {
	if path == "." {
		return nil
	}
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" {
		return filepath.SkipDir
	}
	if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
		return filepath.SkipDir
	}
	return nil
}

// module is the path of the module, from go.mod; .ci/module changes it.
var module = func() string {
	text, err := os.ReadFile("go.mod")
	if err != nil {
		panic(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimPrefix(first, "module ")
}()

// checkImports reports each import of one file that is not above its package.
func checkImports(t *testing.T, order []string, path string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Error(err)
		return
	}
	dir := filepath.ToSlash(filepath.Dir(path))
	own := place(order, dir)
	if own < 0 {
		t.Errorf("%s: package must be listed in doc.go (got %q)", path, dir)
		return
	}
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Error(err)
			continue
		}
		rel, ours := strings.CutPrefix(imported, module+"/")
		if !ours {
			continue
		}
		switch at := place(order, rel); {
		case at < 0:
			t.Errorf("%s: imported package must be listed in doc.go (got %q)", path, rel)
		case at > own:
			t.Errorf("%s: %s must not import %s, which stands below it in doc.go", path, order[own], rel)
		}
	}
}
