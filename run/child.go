package run

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"pgsrm/config"
	"pgsrm/hf"
	"pgsrm/hub"
	"pgsrm/tokenizer"
)

// OpenChild loads the child that a name denotes: "builtin:tiny" from the
// binary, "hf:ORG/NAME" from the local cache, else a GGUF file or a folder. A folder is
// one of Hugging Face, or an adapter of PEFT: then the child is the base that the
// adapter names, with the adapter on it; as FOLDER@BASE the base is the one given.
// What cannot be read is the user's input: config.ErrBad.
func OpenChild(name string) (*hf.Model, error) { return openChild(name, hf.Load) }

// OpenBareChild is OpenChild for work on token ids: see hf.LoadBare.
func OpenBareChild(name string) (*hf.Model, error) { return openChild(name, hf.LoadBare) }

// openChild loads a child, its folder or file by load.
func openChild(name string, load func(path string) (*hf.Model, error)) (_ *hf.Model, err error) {
	defer func() { err = config.Bad(err) }()
	c, err := findChild(name)
	if err != nil {
		return nil, err
	}
	m, err := c.loadBase(load)
	if err != nil {
		return nil, err
	}
	if c.adapter != "" {
		if err := m.LoadAdapter(c.adapter, !c.given); err != nil {
			return nil, fmt.Errorf("child: %w", err)
		}
	}
	return m, nil
}

// OpenTokenizer loads the tokenizer of the child that a name denotes, without
// its weights: of an adapter the one beside it, else that of its base.
func OpenTokenizer(name string) (*tokenizer.Tokenizer, error) {
	c, err := findChild(name)
	if err != nil {
		return nil, err
	}
	folder := c.folder
	if c.adapter != "" && isFile(filepath.Join(c.adapter, "tokenizer.json")) {
		folder = c.adapter
	}
	if folder == "" {
		return hf.LoadBuiltinTokenizer(c.builtin)
	}
	tok, err := hf.LoadTokenizer(folder)
	if err != nil {
		return nil, fmt.Errorf("child: %w", err)
	}
	return tok, nil
}

// MergeChild loads the base with the adapter in the folder merged into its
// weights, and what the adapter was. An empty base is the one that the
// adapter names.
func MergeChild(base, adapter string) (*hf.Model, hf.LoRA, error) {
	if folder, err := ofRun(adapter); err == nil && isFolder(adapter) {
		adapter = folder
	}
	if !hf.IsAdapter(adapter) {
		return nil, hf.LoRA{}, fmt.Errorf("adapter: must be a folder with adapter_config.json (got %q)", adapter)
	}
	name := adapter
	if base != "" {
		name += "@" + base
	}
	m, err := OpenChild(name)
	if err != nil {
		return nil, hf.LoRA{}, err
	}
	l, _ := m.LoRA()
	m.Merge()
	return m, l, nil
}

// childPlace is where the parts of a child are.
type childPlace struct {
	builtin string // name of the base in the binary, or
	folder  string // its folder or GGUF file
	adapter string // folder of the adapter on it, "" without one
	given   bool   // the user named the base, not the adapter
}

// loadBase loads the child without its adapter.
func (c childPlace) loadBase(load func(path string) (*hf.Model, error)) (*hf.Model, error) {
	if c.builtin != "" {
		return hf.LoadBuiltin(c.builtin)
	}
	m, err := load(c.folder)
	if err != nil {
		return nil, fmt.Errorf("child: %w", err)
	}
	return m, nil
}

// findChild finds the parts of the child that a name denotes.
func findChild(name string) (childPlace, error) {
	adapter, base, given := cutBase(name)
	c, err := findModel(adapter)
	if err != nil {
		return c, err
	}
	switch isAdapter := c.builtin == "" && hf.IsAdapter(c.folder); {
	case !isAdapter && given:
		return c, fmt.Errorf("child: must be an adapter folder before @%s (got %q)", base, adapter)
	case !isAdapter:
		return c, nil
	}
	found, err := findBase(c.folder, base)
	if err != nil {
		return c, fmt.Errorf("child: %w", err)
	}
	found.adapter, found.given = c.folder, given
	return found, nil
}

// cutBase splits FOLDER@BASE and hf:ORG/NAME@REVISION@BASE; a folder whose own name
// has the sign is one name.
func cutBase(name string) (adapter, base string, given bool) {
	if isModel(name) || Builtin(name) {
		return name, "", false
	}
	adapter, base, given = strings.Cut(name, "@")
	if given && strings.HasPrefix(name, "hf:") {
		var revision string
		revision, base, given = strings.Cut(base, "@")
		adapter += "@" + revision
	}
	return adapter, base, given
}

// findBase finds the base of the adapter in a folder: the given name, else the
// one in its adapter_config.json, which is ours, a folder, a GGUF file, or ORG/NAME.
func findBase(adapter, base string) (childPlace, error) {
	if base == "" {
		name, revision, err := hf.AdapterBase(adapter)
		if err != nil {
			return childPlace{}, err
		}
		if base = name; revision != "" && !isModel(name) {
			base += "@" + revision
		}
	}
	if base == "" {
		return childPlace{}, fmt.Errorf("load adapter: %s: base_model_name_or_path must name the base (it does not); name it as %[1]s@BASE", adapter)
	}
	if !Builtin(base) && !strings.HasPrefix(base, "hf:") && !isModel(base) {
		base = "hf:" + base
	}
	c, err := findModel(base)
	if err != nil {
		return c, fmt.Errorf("load adapter: %s: its base: %w", adapter, err)
	}
	if c.builtin == "" && hf.IsAdapter(c.folder) {
		return c, fmt.Errorf("load adapter: %s: its base must be a model (%s is an adapter itself: write a model with pgsrm merge)", adapter, c.folder)
	}
	return c, nil
}

// findModel finds a model or an adapter by its name.
func findModel(name string) (childPlace, error) {
	if rest, ok := strings.CutPrefix(name, "builtin:"); ok && rest != "" {
		return childPlace{builtin: rest}, nil
	}
	if rest, ok := strings.CutPrefix(name, "hf:"); ok {
		dir, err := hub.Folder(rest)
		if err != nil {
			return childPlace{}, fmt.Errorf("child: %w", err)
		}
		return childPlace{folder: dir}, nil
	}
	if !isModel(name) {
		return childPlace{}, fmt.Errorf("child: must be builtin:tiny, hf:ORG/NAME, a GGUF file or a folder that exists (got %q)", name)
	}
	folder, err := ofRun(name)
	return childPlace{folder: folder}, err
}

// ofRun is the folder of the trained child where name is a run directory, else
// name itself.
func ofRun(name string) (string, error) {
	if !isFile(filepath.Join(name, ConfigFile)) || isFile(filepath.Join(name, "config.json")) || isFile(filepath.Join(name, "adapter_config.json")) {
		return name, nil
	}
	complete, err := hasChild(name)
	if err != nil {
		return "", fmt.Errorf("child: %w", err)
	}
	if !complete {
		return "", fmt.Errorf("child: %s is a run that is not complete: resume it, or name the folder child of one of its checkpoints", name)
	}
	return filepath.Join(name, childDir), nil
}

func isFile(name string) bool {
	st, err := os.Stat(name)
	return err == nil && st.Mode().IsRegular()
}

func isFolder(name string) bool {
	st, err := os.Stat(name)
	return err == nil && st.IsDir()
}

// isModel says whether a name is that of a folder or a GGUF file.
func isModel(name string) bool { return isFolder(name) || hf.IsGGUF(name) }

// baseName is how the folder of an adapter names the base that a child's name
// denotes: ORG/NAME and revision of the hub as PEFT does, the whole path of a folder or file.
func baseName(child string) (name, revision string) {
	if rest, ok := strings.CutPrefix(child, "hf:"); ok {
		name, revision, _ = strings.Cut(rest, "@")
		return name, revision
	}
	if path, err := ofRun(child); err == nil && isModel(child) {
		child = path
	}
	if path, err := filepath.Abs(child); err == nil && isModel(child) {
		return path, ""
	}
	return child, ""
}
