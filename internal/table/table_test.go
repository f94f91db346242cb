package table

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
)

type row struct {
	Name  string   `parquet:"name"`
	Step  int64    `parquet:"step"`
	Value *float64 `parquet:"value,optional"`
	Right *bool    `parquet:"right,optional"`
}

func rows() []row {
	third, yes := 1.0/3, true
	out := []row{{"a,\"b\"\nc", 1, &third, &yes}, {"", -2, nil, nil}}
	for i := range 3000 {
		out = append(out, row{Name: fmt.Sprint("r", i), Step: int64(i)})
	}
	return out
}

func written(t *testing.T, format string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := begin[row](&b, format)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows() {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCSV(t *testing.T) {
	want := "name,step,value,right\n\"a,\"\"b\"\"\nc\",1,0.3333333333333333,true\n,-2,,\nr0,0,,\n"
	if got := written(t, "csv"); !bytes.HasPrefix(got, []byte(want)) {
		t.Errorf("got %.80q", got)
	}
}

func TestParquet(t *testing.T) {
	data := written(t, "parquet")
	got, err := parquet.Read[row](bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rows(), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUnknownFormat(t *testing.T) {
	if _, err := begin[row](nil, "xlsx"); err == nil || err.Error() != `format must be one of csv, parquet (got "xlsx")` {
		t.Errorf("got %v", err)
	}
}
