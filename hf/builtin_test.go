package hf

import "testing"

func TestLoadBuiltin(t *testing.T) {
	m, err := LoadBuiltin("tiny")
	if err != nil {
		t.Fatal(err)
	}
	if m.Config.Vocab != m.Tokenizer.Size() || m.Config.Layers != 4 {
		t.Errorf("config %+v and vocabulary of %d must be those of tiny", m.Config, m.Tokenizer.Size())
	}
	const want = `builtin child: must be tiny (got "huge")`
	if _, err := LoadBuiltin("huge"); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
