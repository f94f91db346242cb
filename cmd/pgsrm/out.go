package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"pgsrm/hf"
	"pgsrm/run"
	"pgsrm/safetensors"
)

// checkChildOut says, before any work, whether a child in a number format can be
// saved at --out. It leaves nothing there.
func checkChildOut(out, dtype string) error {
	if out == "" {
		return inputErrorf("--out: must name a folder for the child")
	}
	if err := checkDType(dtype); err != nil {
		return err
	}
	path, err := filepath.Abs(out)
	if err != nil {
		return inputErrorf("--out: %w", err)
	}
	if here, err := os.Getwd(); err == nil && here == path {
		return inputErrorf("--out: must not be the current folder, which is replaced as a whole (got %q)", out)
	}
	if mounted(path) {
		return inputErrorf("--out: must not be the root of a volume, which cannot be replaced: name a folder in it (got %q)", out)
	}
	if err := checkPlace("--out", filepath.Dir(path)); err != nil {
		return err
	}
	if err := hf.Replaceable(out); err != nil {
		return inputErrorf("--out: %w", err)
	}
	return nil
}

// dtypes are the values of --dtype: the names of safetensors and of PyTorch.
var dtypes = map[string]safetensors.DType{
	"F32": safetensors.F32, "float32": safetensors.F32, "BF16": safetensors.BF16, "bfloat16": safetensors.BF16,
}

// checkDType says whether weights can be written in a number format.
func checkDType(dtype string) error {
	if _, ok := dtypes[dtype]; !ok {
		return inputErrorf("--dtype: must be F32 or BF16 (got %q)", dtype)
	}
	return nil
}

// saveChild writes the child at --out and makes the folders above it.
func saveChild(m *hf.Model, out, dtype string) error {
	if err := os.MkdirAll(filepath.Dir(out), 0o777); err != nil {
		return err
	}
	return run.SaveChild(m, out, dtypes[dtype])
}

// checkFileOut says, before any work, whether a file can be written at --out.
func checkFileOut(out string) error { return checkFile("--out", out) }

// checkFile is checkFileOut for a flag of another name.
func checkFile(flag, out string) error {
	if out == "" {
		return inputErrorf("%s: must name a file", flag)
	}
	if st, err := os.Stat(out); err == nil && !st.Mode().IsRegular() {
		return inputErrorf("%s: must be a file or not exist (%s is neither)", flag, out)
	}
	return checkPlace(flag, filepath.Dir(out))
}

// checkFolderOut says, before any work, whether files can be written into --out.
func checkFolderOut(out string) error { return checkPlace("--out", out) }

// checkPlace says whether a folder can be written into or made.
func checkPlace(flag, dir string) error {
	if err := writable(existing(dir)); err != nil {
		return inputErrorf("%s: must be writable: %w", flag, err)
	}
	return nil
}

// existing is path, or the nearest folder above it that exists.
func existing(path string) string {
	path, err := filepath.Abs(path) // "" is the current folder
	if err != nil {
		return "."
	}
	for {
		if _, err := os.Stat(path); err == nil || filepath.Dir(path) == path {
			return path
		}
		path = filepath.Dir(path)
	}
}

// writable says whether files can be made in a folder.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".pgsrm-*")
	var failed *fs.PathError // on a name that means nothing to the user
	if errors.As(err, &failed) {
		return fmt.Errorf("%s: %w", dir, failed.Err)
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
