package lm

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
)

// FolderDigest identifies a language model's folder: the hex SHA-256 of every
// file that decides what it answers, each with its name and size.
func FolderDigest(dir string) (string, error) {
	fsys := os.DirFS(dir)
	shards, _, err := shardNames(fsys)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, name := range append(append(shards, tokenizerFile), keptFiles...) {
		if err := hashFile(h, fsys, name); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
