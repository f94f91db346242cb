package embed

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"pgsrm/cache"
	"pgsrm/hub"
	"pgsrm/remote"
)

// Options are what embedders are opened with beside their spec. The zero value
// is good for tests and local files.
type Options struct {
	Cache    *cache.Cache // vectors of costly embedders; nil = none
	Settings *Settings    // of servers and local encoders; nil = DefaultSettings
	// Warn, where set, is told what the user should know, once each. It may be
	// called from several goroutines.
	Warn   func(text string)
	Remote remote.Deps // what tests replace
}

// Open makes the embedder that a spec names, wrapped by stack: "builtin" (the
// embedded static embedder), a model folder, "hf:ORG/NAME" (such a folder in the
// local cache of Hugging Face), "file:PATH" (a static embedder, word vectors, or JSON
// lines of texts and vectors, told apart by content), or a server:
// "openai:MODEL@URL", "tei:URL", "ollama:MODEL@URL"; or, as a control, "random" and
// "random:DIM", vectors without a meaning.
func Open(spec string, o Options) (Embedder, error) {
	e, err := open(spec, o)
	if err != nil {
		return nil, err
	}
	return stack(e, o), nil
}

// open makes the bare embedder; every new kind gets its case here.
func open(spec string, o Options) (Embedder, error) {
	kind, rest, _ := strings.Cut(spec, ":")
	set := DefaultSettings()
	if o.Settings != nil {
		set = *o.Settings
	}
	if e, ok, err := parseRandom(spec); ok {
		return e, err
	}
	switch {
	case spec == "builtin":
		return Builtin()
	case kind == "file" && rest != "":
		return openFile(rest)
	case kind == "hf" && rest != "":
		return openHub(rest, set, o.Warn)
	case slices.Contains(serverKinds, kind):
		return newServer(kind, rest, set, o.Warn, o.Remote)
	case isFolder(spec):
		return openEncoder(spec, set, o.Warn)
	}
	return nil, fmt.Errorf("embed: must be builtin, file:PATH, hf:ORG/NAME, a model folder, openai:MODEL@URL, tei:URL, ollama:MODEL@URL or random:DIM (got %q)", remote.Redact(spec))
}

func openHub(name string, set Settings, warn func(text string)) (Embedder, error) {
	dir, err := hub.Folder(name)
	if err != nil {
		return nil, fmt.Errorf("embed: %w", err)
	}
	return openEncoder(dir, set, warn)
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// IndexedFile is the path of the word vectors that a spec names, for which Open may
// write an index; ok is false for any other spec.
func IndexedFile(spec string) (path string, ok bool) {
	path, ok = strings.CutPrefix(spec, "file:")
	if !ok || path == "" {
		return "", false
	}
	head, err := fileHead(path)
	return path, err == nil && !isStatic(head) && !bytes.HasPrefix(head, []byte("{"))
}

// fileHead is the beginning of a file.
func fileHead(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("embed: %w", err)
	}
	defer f.Close()
	head, _ := bufio.NewReader(f).Peek(len(staticMagic))
	return head, nil
}

// openFile tells the kinds of files apart by their first bytes.
func openFile(path string) (Embedder, error) {
	head, err := fileHead(path)
	if err != nil {
		return nil, err
	}
	switch {
	case isStatic(head):
		return openStatic(path)
	case bytes.HasPrefix(head, []byte("{")):
		return openVectorFile(path)
	}
	return openWordVectors(path)
}

// stack puts every wrapper on an embedder: on a costly one memory, cache and
// batcher, on others the memory alone. All of them check the vectors. It is the
// only place where wrappers are put on.
func stack(e Embedder, o Options) Embedder {
	if c, ok := e.(costly); ok {
		return newCached(c, o.Cache)
	}
	return newMemo(e)
}
