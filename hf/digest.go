package hf

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"pgsrm/internal/durable"
)

// Digest identifies the folder of a model, an encoder or an adapter: the hex SHA-256
// of every file that decides what a language model answers or which vectors an
// encoder gives, each with its name and size; or a GGUF file, whatever its name.
func Digest(path string) (string, error) {
	if IsGGUF(path) {
		return durable.SHA256(path)
	}
	return digestFS(os.DirFS(path))
}

// digestFS is Digest for a folder in a file system.
func digestFS(fsys fs.FS) (string, error) {
	names := slices.Concat([]string{adapterConfigFile, adapterWeightsFile, tokenizerFile}, tokenizerFiles, []string{memoryFile})
	if _, err := fs.Stat(fsys, adapterConfigFile); err != nil {
		shards, _, err := shardNames(fsys)
		if err != nil {
			return "", err
		}
		names = slices.Concat(shards, []string{tokenizerFile}, keptFiles, recipeFiles)
	}
	h := sha256.New()
	for _, name := range names {
		if err := hashFile(h, fsys, name); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// hashFile adds a file to h; an absent one adds nothing.
func hashFile(h io.Writer, fsys fs.FS, name string) error {
	f, err := fsys.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return fmt.Errorf("digest: %w", err)
	}
	fmt.Fprintf(h, "%s %d\n", name, st.Size())
	if _, err := io.Copy(h, f); err != nil {
		return fmt.Errorf("digest of %s: %w", name, err)
	}
	return nil
}
