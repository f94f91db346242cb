package report

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"pgsrm/internal/table"
)

// Formats are what Write can write beside summary.json and report.html: figures as
// pictures (png, svg), and tables of all tasks for texts (md, tex) and programs (csv,
// parquet).
var Formats = []string{"png", "svg", "md", "tex", "csv", "parquet"}

// resultRow is one end value of one run.
type resultRow struct {
	Task     string  `parquet:"task"`
	Arm      string  `parquet:"arm"`
	Seed     int64   `parquet:"seed"`
	Episodes int64   `parquet:"episodes"`
	Metric   string  `parquet:"metric"`
	Value    float64 `parquet:"value"`
	Dir      string  `parquet:"dir"`
}

// comparisonRow is one Comparison.
type comparisonRow struct {
	Task       string   `parquet:"task"`
	Arm        string   `parquet:"arm"`
	Baseline   string   `parquet:"baseline"`
	Metric     string   `parquet:"metric"`
	Pairs      int64    `parquet:"pairs"`
	Difference float64  `parquet:"difference"`
	Lo         *float64 `parquet:"ci95_lo,optional"`
	Hi         *float64 `parquet:"ci95_hi,optional"`
	Wins       int64    `parquet:"wins"`
	Losses     int64    `parquet:"losses"`
	EffectSize *float64 `parquet:"effect_size,optional"`
	P          *float64 `parquet:"p,optional"`
	PHolm      *float64 `parquet:"p_holm,optional"`
	Planned    bool     `parquet:"planned"`
	Holds      bool     `parquet:"holds"`
}

// WriteTables writes the tables of a format into dir and returns their names: results and
// comparisons for programs, one file with a table for each task for texts.
func (d *Data) WriteTables(dir, format string) ([]string, error) {
	switch format {
	case "md", "tex":
		name := "tables." + format
		return []string{name}, writeFile(filepath.Join(dir, name), []byte(d.textTables(format)))
	}
	results, comparisons := "results."+format, "comparisons."+format
	if err := writeRows(filepath.Join(dir, results), format, d.results()); err != nil {
		return nil, err
	}
	return []string{results, comparisons}, writeRows(filepath.Join(dir, comparisons), format, d.comparisons())
}

// writeRows writes one table.
func writeRows[T any](path, format string, rows []T) error {
	err := table.WriteFile(path, format, func(add func(T) error) error {
		for _, r := range rows {
			if err := add(r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// results are the end values of the complete runs.
func (d *Data) results() []resultRow {
	var rows []resultRow
	metrics := append(slices.Clone(compared), metricReward, metricEntropy, metricKL, metricLength)
	for _, g := range d.Groups {
		for _, arm := range g.Arms {
			for _, r := range arm.Complete() {
				for _, metric := range metrics {
					if points := r.Series[metric]; len(points) > 0 {
						rows = append(rows, resultRow{g.Task, arm.Label, r.Seed, int64(r.Episodes), metric, endValue(points, slices.Contains(compared, metric)), r.Dir})
					}
				}
			}
		}
	}
	return rows
}

func (d *Data) comparisons() []comparisonRow {
	var rows []comparisonRow
	for _, s := range d.Summaries() {
		for _, c := range s.Comparisons {
			r := comparisonRow{
				Task: s.Task, Arm: c.Reward, Baseline: c.Baseline, Metric: c.Metric, Pairs: int64(len(c.Seeds)), Difference: c.Difference.Mean,
				Wins: int64(c.Wins), Losses: int64(c.Losses), EffectSize: c.EffectSize, P: c.P, PHolm: c.PHolm, Planned: c.Planned, Holds: c.Holds,
			}
			if ci := c.Difference.CI95; ci != nil {
				r.Lo, r.Hi = &ci[0], &ci[1]
			}
			rows = append(rows, r)
		}
	}
	return rows
}

// textTable is a table for a text: the first column is to the left, all others to the right.
type textTable struct {
	caption string
	rows    [][]string // the first one is the head
}

// textTables are the end values of each task and what was found, as Markdown or LaTeX.
func (d *Data) textTables(format string) string {
	var b strings.Builder
	if format == "tex" {
		b.WriteString("% needs \\usepackage{booktabs}\n")
	}
	for _, s := range d.Summaries() {
		for _, t := range s.textTables() {
			if format == "tex" {
				t.latex(&b)
			} else {
				t.markdown(&b)
			}
		}
	}
	return b.String()
}

func (s Summary) textTables() []textTable {
	end := textTable{caption: fmt.Sprintf("%s, %d episodes, at the end: mean and 95%% interval over seeds", s.Task, s.Episodes)}
	head := []string{"metric"}
	for _, arm := range s.Arms {
		head = append(head, arm.Reward)
	}
	end.rows = [][]string{head}
	for _, r := range s.table() {
		row := []string{r.Title}
		for _, c := range r.Cells {
			text := first(c.Value, "–")
			if c.Interval != "" {
				text += " (" + c.Interval + ")"
			}
			row = append(row, text)
		}
		end.rows = append(end.rows, row)
	}
	found := textTable{caption: s.Task + ", what was found", rows: [][]string{{"arm", "against", "on", "arm", "baseline", "difference", "seeds above", "verdict"}}}
	for _, v := range s.verdictRows(nil) {
		difference := v.Difference
		if v.Interval != "" {
			difference += " (" + v.Interval + ")"
		}
		found.rows = append(found.rows, []string{v.Arm, v.Baseline, v.On, v.Value, v.BaseValue, difference, v.Wins, v.Word})
	}
	if len(found.rows) == 1 {
		return []textTable{end}
	}
	return []textTable{end, found}
}

// markdownText escapes what Markdown or a reader of it would not show as text.
var markdownText = strings.NewReplacer("\\", "\\\\", "|", "\\|", "<", "&lt;", ">", "&gt;", "&", "&amp;", "*", "\\*", "_", "\\_", "`", "\\`", "[", "\\[", "]", "\\]", "\n", " ", "\r", " ")

func (t textTable) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "**%s**\n\n", markdownText.Replace(t.caption))
	for i, row := range t.rows {
		for _, cell := range row {
			b.WriteString("| " + markdownText.Replace(cell) + " ")
		}
		b.WriteString("|\n")
		if i == 0 {
			b.WriteString("|---" + strings.Repeat("|---:", len(row)-1) + "|\n")
		}
	}
	b.WriteByte('\n')
}

// latexText escapes what has a meaning in LaTeX.
var latexText = strings.NewReplacer("\\", `\textbackslash{}`, "{", `\{`, "}", `\}`, "$", `\$`, "&", `\&`, "#", `\#`, "%", `\%`, "_", `\_`, "^", `\textasciicircum{}`, "~", `\textasciitilde{}`,
	"<", `\textless{}`, ">", `\textgreater{}`, "−", "$-$", "–", "--", "…", `\dots{}`, "\n", " ", "\r", " ")

func (t textTable) latex(b *strings.Builder) {
	fmt.Fprintf(b, "\\begin{table}\n\\caption{%s}\n\\begin{tabular}{l%s}\n\\toprule\n", latexText.Replace(t.caption), strings.Repeat("r", len(t.rows[0])-1))
	for i, row := range t.rows {
		for k, cell := range row {
			if k > 0 {
				b.WriteString(" & ")
			}
			b.WriteString(latexText.Replace(cell))
		}
		b.WriteString(" \\\\\n")
		if i == 0 {
			b.WriteString("\\midrule\n")
		}
	}
	b.WriteString("\\bottomrule\n\\end{tabular}\n\\end{table}\n\n")
}
