package python_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	server "pgsrm/serve"
)

// engines is a Python with the engines that ask for rewards; .ci/run installs it.
func engines(t *testing.T) string {
	t.Helper()
	python := os.Getenv("PGSRM_ENGINES")
	if python == "" {
		t.Skip("PGSRM_ENGINES names no Python with verl, SkyRL's environments and AReaL: the package is NOT tested with them")
	}
	return python
}

// verl's managers, SkyRL's environment and AReaL's workflow, unmodified, get the rewards of
// score.
func TestEngines(t *testing.T) {
	python := engines(t)
	args := []string{"--task", "opposites", "--reward", "pgsrm"}
	path := cases(t, serve(t, args...), args...)
	for _, engine := range []struct{ tests, module string }{{"Verl", "verl"}, {"SkyRL", "skyrl_gym"}, {"AReaL", "areal"}} {
		t.Run(engine.tests, func(t *testing.T) {
			if exec.Command(python, "-c", "import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)", engine.module).Run() != nil {
				t.Skipf("%s has no %s, which PyPI does not have for every Python: it is NOT asked", python, engine.module)
			}
			t.Log(runPython(t, python, nil, "tests/engines.py", engine.tests, path))
		})
	}
}

// What ends an answer and which columns may hold the reference stand in the server, in the
// Python package and in the manual: one list.
func TestLists(t *testing.T) {
	want := server.DefaultSettings()
	out := runPython(t, python(t), nil, "-c", `import json
from pgsrm_reward.areal import END_MARKERS
from pgsrm_reward.trl import LABELS
print(json.dumps({"Labels": LABELS, "EndMarkers": END_MARKERS}))`)
	var got struct{ Labels, EndMarkers []string }
	if err := json.Unmarshal([]byte(out), &got); err != nil || !reflect.DeepEqual(got.Labels, want.Labels) || !reflect.DeepEqual(got.EndMarkers, want.EndMarkers) {
		t.Errorf("Python package: got %q and %q, want %q and %q (%v)", got.Labels, got.EndMarkers, want.Labels, want.EndMarkers, err)
	}
	page, err := os.ReadFile(filepath.Join("..", "docs", "serve.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "```yaml\n")
	text, _, _ = strings.Cut(text, "```")
	var manual struct {
		server.Settings `yaml:",inline"`
		Rewards         any
	}
	if err := yaml.Unmarshal([]byte(text), &manual); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(manual.Settings, want) {
		t.Errorf("docs/serve.md: got %+v, want %+v", manual.Settings, want)
	}
}
