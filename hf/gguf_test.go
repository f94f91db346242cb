package hf

import (
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"pgsrm/lm"
)

// ggufFiles are the files of testdata/gguf, which make_gguf.py writes of folders.
func ggufFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/gguf/*.gguf")
	if err != nil || len(files) < 11 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	return files
}

// folderOf is the golden folder that a file was made of.
func folderOf(file string) string {
	return filepath.Join("testdata", filepath.Base(file[:len(file)-len(".gguf")]))
}

// A GGUF file is the same model as its folder: configuration, every weight to the bit,
// types, and the logits of PyTorch.
func TestGGUFGolden(t *testing.T) {
	for _, file := range ggufFiles(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			folder := folderOf(file)
			want, err := Load(folder)
			if err != nil {
				t.Fatal(err)
			}
			m, err := Load(file)
			if err != nil {
				t.Fatal(err)
			}
			sameModel(t, m, want)
			g := readGolden(t, folder)
			near(t, "logits", goldenLogits(m, g), g.want(t, "logits"), 3e-6)
			if w := m.Warning(); w != "" {
				t.Errorf("warning %q", w)
			}
		})
	}
}

// sameModel compares weights, types and configurations; Mistral's is Llama's in GGUF.
func sameModel(t *testing.T, m, want *Model) {
	t.Helper()
	if !slices.EqualFunc(values(m), values(want), sameBits) {
		t.Error("weights differ")
	}
	if ones, others := typesOf(m), typesOf(want); !reflect.DeepEqual(ones, others) {
		t.Errorf("types %v, want %v", ones, others)
	}
	c, w := m.Config, want.Config
	if w.Family == "mistral" {
		w.Family = "llama"
	}
	if c.Rope.Scaling == "llama3" { // of several contexts that give the same frequencies any will do
		if !slices.Equal(c.Rope.Frequencies(c.HeadDim), w.Rope.Frequencies(c.HeadDim)) {
			t.Errorf("frequencies %v, want %v", c.Rope.Frequencies(c.HeadDim), w.Rope.Frequencies(c.HeadDim))
		}
		c.Rope, w.Rope = lm.RopeConfig{}, lm.RopeConfig{}
	}
	c.BOS, w.BOS = 0, 0 // the folders have defaults
	if !reflect.DeepEqual(c, w) {
		t.Errorf("configuration\n%+v, want\n%+v", c, w)
	}
}

// typesOf are the types of the matrices.
func typesOf(m *Model) map[string]string {
	types := map[string]string{}
	for _, t := range tensorTable(m.Model) {
		if len(t.shape) == 2 {
			types[t.name] = string(m.types[t.name])
		}
	}
	return types
}
