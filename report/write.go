package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"pgsrm/internal/durable"
)

// Write writes summary.json, report.html and what the formats name (see Formats) into dir,
// which is made where it is absent, and returns the names of the files.
func (d *Data) Write(dir string, formats ...string) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	if err := d.WriteSummary(filepath.Join(dir, "summary.json")); err != nil {
		return nil, err
	}
	if err := d.WriteHTML(filepath.Join(dir, "report.html")); err != nil {
		return nil, err
	}
	names := []string{"summary.json", "report.html"}
	for _, format := range formats {
		write := d.WriteTables
		if format == "png" || format == "svg" {
			write = d.WriteFigures
		}
		written, err := write(dir, format)
		if err != nil {
			return names, err
		}
		names = append(names, written...)
	}
	return names, nil
}

// Summary returns what summary.json holds: the Summary of one task, or of
// several as {"tasks":[...],"overall":{...}}.
func (d *Data) Summary() any {
	if len(d.Groups) == 1 {
		return d.Groups[0].Summary()
	}
	return map[string]any{"tasks": d.Summaries(), "overall": d.Overall()}
}

// WriteSummary writes summary.json.
func (d *Data) WriteSummary(path string) error {
	text, err := json.MarshalIndent(d.Summary(), "", "  ")
	if err != nil {
		return fmt.Errorf("report: %s: %w", path, err)
	}
	return writeFile(path, append(text, '\n'))
}

// writeFile replaces a file by the text, or leaves it as it was.
func writeFile(path string, text []byte) error {
	if err := durable.WriteBytes(path, text); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}
