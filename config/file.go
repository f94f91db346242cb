package config

import (
	"fmt"
	"io"
	"os"
)

// File is the text of a configuration file. The zero value is an empty one.
type File struct {
	Name string // for errors and origins
	Text []byte
}

// maxFile is the length in bytes up to which a file is read.
const maxFile = 1 << 20

// ReadFile reads the file at path, for "-" the reader, for "" nothing.
func ReadFile(path string, stdin io.Reader) (File, error) {
	f := File{Name: path}
	switch {
	case path == "":
		return f, nil
	case path == "-" && stdin != nil:
		f.Name = "<stdin>"
	default:
		file, err := os.Open(path)
		if err != nil {
			return f, Bad(err)
		}
		defer file.Close()
		stdin = file
	}
	var err error
	f.Text, err = io.ReadAll(io.LimitReader(stdin, maxFile+1))
	switch {
	case err != nil:
		return f, &Error{File: f.Name, Must: err.Error(), Err: err}
	case len(f.Text) > maxFile:
		return f, &Error{File: f.Name, Must: fmt.Sprintf("must be at most %d bytes long", maxFile)}
	}
	return f, nil
}
