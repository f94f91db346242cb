package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Write writes summary.json, report.html and the figures into dir, which is
// made where it is absent, and returns the names of the files.
func (d *Data) Write(dir string) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	if err := d.WriteSummary(filepath.Join(dir, "summary.json")); err != nil {
		return nil, err
	}
	if err := d.WriteHTML(filepath.Join(dir, "report.html")); err != nil {
		return nil, err
	}
	figures, err := d.WriteFigures(dir)
	return append([]string{"summary.json", "report.html"}, figures...), err
}

// WriteSummary writes summary.json: the Summary of one task, or of several as
// {"tasks":[...]}.
func (d *Data) WriteSummary(path string) error {
	var v any = map[string]any{"tasks": d.Summaries()}
	if len(d.Groups) == 1 {
		v = d.Groups[0].Summary()
	}
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("report: %s: %w", path, err)
	}
	return writeFile(path, append(text, '\n'))
}
