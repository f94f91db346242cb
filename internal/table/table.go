// Package table writes rows of one struct type as CSV or Parquet. The fields are told by
// their tags as parquet-go reads them: `parquet:"reward,optional"`; they are strings,
// numbers, booleans, or pointers to them, which are empty where nil.
package table

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"pgsrm/internal/durable"
)

// formats are what a writer writes; a format is the ending of its files, too.
var formats = []string{"csv", "parquet"}

// writer writes rows; what it has taken is whole after Close.
type writer[T any] struct {
	parquet *parquet.GenericWriter[T]
	csv     *csv.Writer
	buffer  *bufio.Writer
	pending []T // of a Parquet file
}

// batch is how many rows are handed on at a time.
const batch = 1024

// begin starts a table on w in "csv" or "parquet".
func begin[T any](w io.Writer, format string) (*writer[T], error) {
	switch format {
	case "parquet":
		return &writer[T]{parquet: parquet.NewGenericWriter[T](w, parquet.Compression(&zstd.Codec{}), parquet.MaxRowsPerRowGroup(1<<17))}, nil
	case "csv":
		t := &writer[T]{buffer: bufio.NewWriter(w)}
		t.csv = csv.NewWriter(t.buffer)
		return t, t.csv.Write(columns(reflect.TypeFor[T]()))
	}
	return nil, fmt.Errorf("format must be one of %s (got %q)", strings.Join(formats, ", "), format)
}

// WriteFile writes a table whole or not at all; rows calls add with each row.
func WriteFile[T any](path, format string, rows func(add func(row T) error) error) error {
	return durable.WriteFile(path, func(w io.Writer) error {
		t, err := begin[T](w, format)
		if err != nil {
			return err
		}
		if err := rows(t.Write); err != nil {
			return err
		}
		return t.Close()
	})
}

// columns are the names of the fields.
func columns(t reflect.Type) []string {
	names := make([]string, t.NumField())
	for i := range names {
		names[i], _, _ = strings.Cut(t.Field(i).Tag.Get("parquet"), ",")
	}
	return names
}

// Write adds a row.
func (t *writer[T]) Write(row T) error {
	if t.csv != nil {
		v := reflect.ValueOf(row)
		cells := make([]string, v.NumField())
		for i := range cells {
			cells[i] = cell(v.Field(i))
		}
		return t.csv.Write(cells)
	}
	t.pending = append(t.pending, row)
	if len(t.pending) < batch {
		return nil
	}
	return t.flush()
}

// cell writes a value; numbers in the shortest form that reads back as the same.
func cell(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		return cell(v.Elem())
	case reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	}
	return fmt.Sprint(v.Interface())
}

func (t *writer[T]) flush() error {
	_, err := t.parquet.Write(t.pending)
	t.pending = t.pending[:0]
	return err
}

// Close ends the table; the writer below stays open.
func (t *writer[T]) Close() error {
	if t.csv != nil {
		t.csv.Flush()
		if err := t.csv.Error(); err != nil {
			return err
		}
		return t.buffer.Flush()
	}
	if err := t.flush(); err != nil {
		return err
	}
	return t.parquet.Close()
}
