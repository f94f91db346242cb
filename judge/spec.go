package judge

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"unicode/utf8"

	"pgsrm/config"
	"pgsrm/remote"
)

// The ways of judging.
const (
	absolute = "absolute" // a grade for the response
	pairwise = "pairwise" // the response beside the reference, in both orders
)

// defaultScale is the best grade where a term names none, as in MT-Bench.
const defaultScale = 10

// Spec is what a term judge says.
type Spec struct {
	Model  string  // openai:MODEL@URL
	Mode   string  // absolute or pairwise; "" = absolute
	Rubric string  // criteria, a whole template, or file:PATH that holds a template; "" = the default criteria
	Scale  float64 // the best grade; the worst is 1; 0 = defaultScale
}

// Validate reports the first parameter that cannot be used, without reading or sending
// anything. Its error names no secrets.
func (s Spec) Validate() error {
	spec, ok := strings.CutPrefix(s.Model, "openai:")
	if !ok {
		return &config.Error{Key: "text", Must: "must be openai:MODEL@URL or openai:MODEL", Value: fmt.Sprintf("%q", remote.Redact(s.Model))}
	}
	if _, _, err := remote.ParseModel(spec); err != nil {
		return config.At("text", fmt.Errorf("openai: %w", err))
	}
	switch {
	case s.Mode != "" && s.Mode != absolute && s.Mode != pairwise:
		return &config.Error{Key: "mode", Must: "must be absolute or pairwise", Value: fmt.Sprintf("%q", s.Mode), Hint: config.Nearest(s.Mode, []string{absolute, pairwise})}
	case s.Scale != 0 && s.Mode == pairwise:
		return &config.Error{Key: "scale", Must: "must not be set with mode=pairwise", Value: fmt.Sprint(s.Scale)}
	case s.Scale != 0 && !(s.Scale >= 2 && s.Scale <= 100 && s.Scale == math.Trunc(s.Scale)):
		return &config.Error{Key: "scale", Must: "must be a whole number between 2 and 100", Value: fmt.Sprint(s.Scale)}
	case s.Rubric == "", strings.HasPrefix(s.Rubric, rubricFile):
		return nil
	}
	_, err := s.readRubric(s.Rubric, false)
	return config.At("rubric", err)
}

// server is "MODEL@URL".
func (s Spec) server() string { return strings.TrimPrefix(s.Model, "openai:") }

// form is how a verdict is asked for and read.
func (s Spec) form() form {
	f := form{pairwise: s.Mode == pairwise, scale: int(s.Scale)}
	if f.scale == 0 {
		f.scale = defaultScale
	}
	return f
}

// rubricFile begins a rubric that stands in a file.
const rubricFile = "file:"

// maxRubric is the length of the longest file of a rubric, in bytes.
const maxRubric = 64 << 10

// template is that of the rubric. A file must hold a whole template, so that no other
// file is ever sent to a server.
func (s Spec) template() (template, error) {
	path, ok := strings.CutPrefix(s.Rubric, rubricFile)
	if !ok {
		return s.readRubric(s.Rubric, false)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxRubric+1))
	switch {
	case err != nil:
		return "", err
	case len(text) > maxRubric:
		return "", fmt.Errorf("%s: must have at most %d bytes", path, maxRubric)
	case !utf8.Valid(text):
		return "", fmt.Errorf("%s: must be UTF-8", path)
	}
	t, err := s.readRubric(string(text), true)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}
