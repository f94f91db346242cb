package report

import (
	"encoding/csv"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// Every format is written, and says the same.
func TestFormats(t *testing.T) {
	if testing.Short() {
		t.Skip("draws all figures, in one goroutine; TestWrite does so too")
	}
	dir := t.TempDir()
	writeFixture(t, dir, 3)
	data, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	data.Groups[0].Arms[0].Label = `a|b_c & <i>50%</i> \x`
	out := t.TempDir()
	names, err := data.Write(out, Formats...)
	want := []string{"summary.json", "report.html", "curves-colors.png", "final-colors.png", "profiles-colors.png", "curves-colors.svg", "final-colors.svg", "profiles-colors.svg",
		"tables.md", "tables.tex", "results.csv", "comparisons.csv", "results.parquet", "comparisons.parquet"}
	if err != nil || !slices.Equal(names, want) {
		t.Fatalf("got %q, %v", names, err)
	}
	rows := data.results()
	if len(rows) != 9*8 { // runs by metrics
		t.Errorf("got %d results", len(rows))
	}
	read, err := parquet.ReadFile[resultRow](filepath.Join(out, "results.parquet"))
	if err != nil || !slices.Equal(read, rows) {
		t.Errorf("parquet: got %d rows, %v", len(read), err)
	}
	text, err := os.ReadFile(filepath.Join(out, "comparisons.csv"))
	if err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil || len(lines) != 1+8 || lines[1][1] != data.Groups[0].Arms[0].Label || lines[1][13] != "true" {
		t.Errorf("csv: got %q, %v", lines, err)
	}
	markdown, latex := data.textTables("md"), data.textTables("tex")
	if !strings.Contains(markdown, `| a\|b\_c &amp; &lt;i&gt;50%&lt;/i&gt; \\x |`) || !strings.Contains(markdown, "| Exact match, held-out | ") {
		t.Errorf("markdown: %s", markdown)
	}
	if !strings.Contains(latex, `a|b\_c \& \textless{}i\textgreater{}50\%\textless{}/i\textgreater{} \textbackslash{}x`) || strings.Count(latex, `\begin{tabular}`) != strings.Count(latex, `\end{tabular}`) {
		t.Errorf("latex: %s", latex)
	}
}

// A figure as SVG is a file of its own: well formed, without variables and addresses.
func TestFigureFile(t *testing.T) {
	if testing.Short() {
		t.Skip("draws all figures, in one goroutine; TestWrite does so too")
	}
	dir := t.TempDir()
	writeFixture(t, dir, 2)
	data, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := data.WriteFigures(dir, "svg"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "curves-colors.svg"))
	if err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(strings.NewReader(string(text))); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if rest := strings.Replace(string(text), `xmlns="http://www.w3.org/2000/svg"`, "", 1); strings.Contains(rest, "var(") || strings.Contains(rest, "://") {
		t.Error("a figure must have no variable and no address")
	}
}
