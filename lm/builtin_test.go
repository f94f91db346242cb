package lm

import "testing"

func TestLoadBuiltin(t *testing.T) {
	m, tok, err := LoadBuiltin("tiny")
	if err != nil {
		t.Fatal(err)
	}
	if m.Config.Vocab != tok.Size() || m.Config.Layers != 4 {
		t.Errorf("config %+v and vocabulary of %d must be those of tiny", m.Config, tok.Size())
	}
	const want = `builtin child: must be tiny (got "huge")`
	if _, _, err := LoadBuiltin("huge"); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
