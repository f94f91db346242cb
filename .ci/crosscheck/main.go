// Crosscheck type-checks the packages of this module for other systems, as
// go build would before it compiles: a minute less a target than compiling all
// that they import. What only an assembler or linker would find it does not see.
//
//	go run ./.ci/crosscheck linux/arm64 windows/amd64
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// source is a package as go list -json prints it.
type source struct {
	ImportPath, Dir string
	GoFiles         []string
	ImportMap       map[string]string
	Module          *struct{ Main bool }
	Error           *struct{ Err string }
}

func main() {
	failed := len(os.Args) < 2
	for _, target := range os.Args[1:] {
		if n, err := check(target); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", target, err)
			failed = true
		} else {
			fmt.Printf("%s: %d packages type-check\n", target, n)
		}
	}
	if failed {
		os.Exit(1)
	}
}

// check type-checks ./... and all that it imports for target, GOOS/GOARCH. Of packages outside
// this module only the declarations are read. It returns how many packages of this module it saw.
func check(target string) (int, error) {
	goos, goarch, ok := strings.Cut(target, "/")
	if !ok {
		return 0, errors.New("a target is GOOS/GOARCH")
	}
	list := exec.Command("go", "list", "-deps", "-test", "-json=ImportPath,Dir,GoFiles,ImportMap,Module,Error", "./...")
	list.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch)
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return 0, err
	}
	packages := map[string]*types.Package{"unsafe": types.Unsafe}
	ours := 0
	// go list -deps prints a package after all that it imports.
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p source
		if err := dec.Decode(&p); err == io.EOF {
			return ours, nil
		} else if err != nil {
			return 0, err
		}
		if p.Error != nil {
			return 0, errors.New(p.Error.Err)
		}
		if p.ImportPath == "unsafe" || strings.HasSuffix(p.ImportPath, ".test") { // the latter is go test's own main
			continue
		}
		main := p.Module != nil && p.Module.Main
		if main {
			ours++
		}
		fset := token.NewFileSet()
		var files []*ast.File
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				return 0, err
			}
			files = append(files, f)
		}
		var faults []error
		c := types.Config{
			IgnoreFuncBodies: !main,
			Sizes:            types.SizesFor("gc", goarch),
			Error:            func(err error) { faults = append(faults, err) },
			Importer: importer(func(path string) (*types.Package, error) {
				if to := p.ImportMap[path]; to != "" {
					path = to
				}
				if packages[path] == nil {
					return nil, fmt.Errorf("%s is not among the packages that go list names", path)
				}
				return packages[path], nil
			}),
		}
		packages[p.ImportPath], _ = c.Check(p.ImportPath, fset, files, nil)
		if len(faults) > 0 {
			return 0, errors.Join(faults...)
		}
	}
}

type importer func(path string) (*types.Package, error)

func (f importer) Import(path string) (*types.Package, error) { return f(path) }
