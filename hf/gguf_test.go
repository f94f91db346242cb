package hf

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"pgsrm/lm"
)

// ggufFiles are the files of testdata/gguf, which make_gguf.py writes of folders.
func ggufFiles(t testing.TB) []string {
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

// typesOf are the types of the matrices, positions left out: written ones are F32.
func typesOf(m *Model) map[string]string {
	types := map[string]string{}
	for _, t := range tensorTable(m.Model) {
		if len(t.shape) == 2 && t.name != "wpe.weight" {
			types[t.name] = string(m.types[t.name])
		}
	}
	return types
}

// What is written is loaded as it was, from folders and from GGUF files, and the same
// model gives the same bytes.
func TestGGUFRoundTrip(t *testing.T) {
	for _, name := range append(goldenNames, "gguf/llama.gguf", "gguf/gpt2-half.gguf", "gguf/mistral-half.gguf") {
		t.Run(name, func(t *testing.T) {
			m, err := Load(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "m.gguf")
			err = m.SaveGGUF(path)
			if err := ggufHolds(m.Config); err != nil {
				if _, statErr := os.Stat(path); statErr == nil {
					t.Error("written all the same")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			back, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			sameModel(t, back, m)
			again := filepath.Join(t.TempDir(), "again.gguf")
			if err := back.SaveGGUF(again); err != nil {
				t.Fatal(err)
			}
			if one, two := readFile(t, path), readFile(t, again); !bytes.Equal(one, two) {
				t.Error("written again: other bytes")
			}
		})
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
