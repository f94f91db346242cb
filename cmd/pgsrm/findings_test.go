package main

import (
	"bytes"
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The one command of docs/findings.md, in small: every study of the findings runs from end to
// end, and the tables beside the page are of these studies.
func TestFindings(t *testing.T) {
	if testing.Short() {
		t.Skip("trains some thirty runs; the script study has the same paths")
	}
	const kept = "../../docs/findings"
	files, err := filepath.Glob(kept + "/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("got %q, %v", files, err)
	}
	dir := t.TempDir()
	var out, log bytes.Buffer
	args := append([]string{"study", "--small", "--out", filepath.Join(dir, "runs"), "--tables", filepath.Join(dir, "tables")}, files...)
	if code := execute(args, strings.NewReader(""), &out, &log); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, log.String())
	}
	for _, file := range files {
		name := studyName(file) + "-groups.csv"
		made, keeps := csvHead(t, filepath.Join(dir, "tables", name)), csvHead(t, filepath.Join(kept, name))
		if made != keeps {
			t.Errorf("%s: must begin %q (got %q)", name, made, keeps)
		}
	}
}

func csvHead(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(text), "\n")
	return head
}

// Every interval of docs/findings.md, and the mean before it, is a row of a table beside the page,
// rounded once; a difference may be told from either side.
func TestIntervalsOfFindingsAreOfTheirTables(t *testing.T) {
	files, err := filepath.Glob("../../docs/findings/*.csv")
	if err != nil {
		t.Fatal(err)
	}
	var rows [][3]float64 // mean, bounds
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		table, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		low, high := slices.Index(table[0], "ci95_low"), slices.Index(table[0], "ci95_high")
		mean := slices.Index(table[0], "mean_difference")
		if mean < 0 {
			mean = slices.Index(table[0], "mean")
		}
		if low < 0 || mean < 0 {
			continue
		}
		for _, r := range table[1:] {
			m, errM := strconv.ParseFloat(r[mean], 64)
			l, errL := strconv.ParseFloat(r[low], 64)
			h, errH := strconv.ParseFloat(r[high], 64)
			if errM == nil && errL == nil && errH == nil {
				rows = append(rows, [3]float64{m, l, h}, [3]float64{-m, -h, -l})
			}
		}
	}
	page, err := os.ReadFile("../../docs/findings.md")
	if err != nil {
		t.Fatal(err)
	}
	rounded := func(text string, v float64) bool {
		if text == "" {
			return true
		}
		shown, err := strconv.ParseFloat(text, 64)
		_, decimals, _ := strings.Cut(text, ".")
		return err == nil && math.Abs(shown-v) <= 0.5000001*math.Pow10(-len(decimals))
	}
	const number = `([+-]?\d+(?:\.\d+)?)`
	found := regexp.MustCompile(`(?:`+number+`%?(?:\*\*)? )?\[`+number+`, `+number+`\]`).FindAllStringSubmatch(string(page), -1)
	if len(found) < 400 || len(rows) < 2000 {
		t.Fatalf("got %d intervals and %d rows", len(found), len(rows))
	}
	for _, f := range found {
		if !slices.ContainsFunc(rows, func(r [3]float64) bool {
			for _, scale := range []float64{1, 100} { // points are hundredths
				if rounded(f[1], r[0]*scale) && rounded(f[2], r[1]*scale) && rounded(f[3], r[2]*scale) {
					return true
				}
			}
			return false
		}) {
			t.Errorf("%s stands in no table", f[0])
		}
	}
}
