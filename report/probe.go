package report

import (
	"bytes"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"pgsrm/reward"
)

// probePage is what the template of the probe's page draws.
type probePage struct {
	reward.ProbeResult
	CSS     template.CSS
	Level   string   // of the verdict
	Advice  []string // each once
	Areas   []probeRow
	Earned  []probeRow
	Heading []string // of the columns of the matrix
	Rows    []matrixRow
}

// probeRow is a number with its interval, drawn as a mark on a line from 0 to 1.
type probeRow struct {
	Name, Note string
	Value      string
	Interval   string
	N          string
	At, Lo, Hi float64 // of a mark, in percent of the line
}

// matrixRow is the similarities of one text.
type matrixRow struct {
	Text  string
	Cells []matrixCell
}

// matrixCell is one similarity.
type matrixCell struct {
	Value string
	Shade int  // 0 to 10, of what is to be seen
	Right bool // text and answer belong together
	Title string
}

// WriteProbe writes the page of a probe, one file that opens offline, and makes the folders
// above it.
func WriteProbe(path string, r reward.ProbeResult) error {
	text, err := probeHTML(r)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return writeFile(path, text)
}

func probeHTML(r reward.ProbeResult) ([]byte, error) {
	style, err := assets.ReadFile("assets/probe.css")
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	tmpl, err := template.New("probe.html.tmpl").Funcs(template.FuncMap{"percent": percent, "number": func(v float64) string { return formatValue("score", v) }}).
		ParseFS(assets, "assets/probe.html.tmpl")
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	p := probePage{ProbeResult: r, CSS: template.CSS(style), Areas: areas(r), Earned: earned(r)}
	p.Level, _, _ = strings.Cut(r.Verdict, ":")
	for _, f := range r.Findings {
		if f.Advice != "" && !slices.Contains(p.Advice, f.Advice) {
			p.Advice = append(p.Advice, f.Advice)
		}
	}
	p.Heading, p.Rows = matrixRows(r.Matrix)
	var b bytes.Buffer
	if err := tmpl.Execute(&b, p); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return b.Bytes(), nil
}

// areas are the areas under the curve.
func areas(r reward.ProbeResult) []probeRow {
	row := func(name, note string, v float64, ci [2]float64, n string) probeRow {
		return probeRow{Name: name, Note: note, Value: fmt.Sprintf("%.3f", v), Interval: fmt.Sprintf("%.3f to %.3f", ci[0], ci[1]), N: n, At: 100 * v, Lo: 100 * ci[0], Hi: 100 * ci[1]}
	}
	wrong := fmt.Sprintf("%d pairs against %d", r.Counts.Related, r.Counts.Wrong)
	return []probeRow{
		row("Related against unrelated", "answers of other tasks", r.AUC, r.AUCCI95, fmt.Sprintf("%d pairs against %d", r.Counts.Related, r.Counts.Unrelated)),
		row("Right against wrong", "answers to other prompts of this task", r.AUCWrong, r.AUCWrongCI95, wrong),
		row("The same by length alone", "what the embedder should be ahead of", r.LengthAUC, r.LengthAUCCI95, wrong),
	}
}

// earned are the answers that are not right, with what they earn.
func earned(r reward.ProbeResult) []probeRow {
	answers := slices.Clone(r.Answers)
	if r.BestWrong != nil {
		answers = append(answers, r.BestWrong.Tried)
	}
	var out []probeRow
	for _, a := range answers {
		row := probeRow{Name: a.Name(), Note: clip(a.Example, 90), N: fmt.Sprint(a.Prompts)}
		switch {
		case a.Prompts > 0:
			row.Value, row.At = percent(a.ShareOfCorrect), within(a.ShareOfCorrect)
			row.Lo, row.Hi = row.At, row.At
			if a.CI95 != nil {
				row.Interval = percent(a.CI95[0]) + " to " + percent(a.CI95[1])
				row.Lo, row.Hi = within(a.CI95[0]), within(a.CI95[1])
			}
		case a.Right > 0:
			row.Value, row.N = "right", fmt.Sprint(a.Right)
		default:
			continue
		}
		out = append(out, row)
	}
	return out
}

// within is a share in percent, cut at the ends of the line.
func within(share float64) float64 { return 100 * min(1, max(0, share)) }

// matrixRows are the rows of the matrix. Shades run from the least similarity, or 0 where
// that is above it, to 1.
func matrixRows(m reward.Matrix) (heading []string, rows []matrixRow) {
	low := 0.0
	for _, row := range m.Cosines {
		low = min(low, slices.Min(row))
	}
	for i, row := range m.Cosines {
		heading = append(heading, clip(m.Answers[i], 24))
		r := matrixRow{Text: clip(m.Texts[i], 40)}
		for k, v := range row {
			r.Cells = append(r.Cells, matrixCell{
				Value: strings.Replace(minus(fmt.Sprintf("%.2f", v)), "−0.00", "0.00", 1), Shade: int(10 * min(1, (v-low)/(1-low))), Right: i == k,
				Title: fmt.Sprintf("%s / %s: %s", clip(m.Texts[i], 60), clip(m.Answers[k], 60), minus(fmt.Sprintf("%.3f", v))),
			})
		}
		rows = append(rows, r)
	}
	return heading, rows
}
