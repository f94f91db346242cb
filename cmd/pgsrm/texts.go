package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"pgsrm/lm"
	"pgsrm/tokenizer"
)

// readTexts reads the documents of a file, or of all *.txt and *.jsonl files of a
// folder and of the folders in it, in the order of their names. A .jsonl file has
// an object a line with a field text, any other a document a line; empty ones are
// left out.
func readTexts(path string) ([]string, error) {
	paths, err := textFiles(path)
	if err != nil {
		return nil, inputError(err)
	}
	var texts []string
	for _, p := range paths {
		if texts, err = appendTexts(texts, p); err != nil {
			return nil, err
		}
	}
	if len(texts) == 0 {
		return nil, inputErrorf("%s: must hold at least one document", path)
	}
	return texts, nil
}

// textFiles lists the files to read.
func textFiles(path string) ([]string, error) {
	st, err := os.Stat(path)
	if err != nil || !st.IsDir() {
		return []string{path}, err
	}
	var paths []string
	err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if ext := filepath.Ext(p); err == nil && !d.IsDir() && (ext == ".txt" || ext == ".jsonl") {
			paths = append(paths, p)
		}
		return err
	})
	return paths, err
}

// appendTexts reads the documents of one file.
func appendTexts(texts []string, path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, inputError(err)
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<16)
	for line := 1; ; line++ {
		text, err := readLine(r)
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("%s:%d: %w", path, line, err)
		}
		doc := strings.TrimRight(text, "\r\n")
		if doc != "" && filepath.Ext(path) == ".jsonl" {
			var row struct {
				Text string `json:"text"`
			}
			if err := json.Unmarshal([]byte(doc), &row); err != nil {
				return nil, inputErrorf("%s:%d: must be an object with a field text: %w", path, line, err)
			}
			doc = row.Text
		}
		if !utf8.ValidString(text) {
			return nil, inputErrorf("%s:%d: must be valid UTF-8", path, line)
		}
		if doc != "" {
			texts = append(texts, doc)
		}
		if err == io.EOF {
			return texts, nil
		}
	}
}

// textSequences encodes documents with their end token and cuts them into pieces
// that the context holds. Each token but the first of a document is learned once:
// a piece begins with the last token of the one before.
func textSequences(tok *tokenizer.Tokenizer, texts []string, cfg lm.Config) []lm.Sequence {
	var seqs []lm.Sequence
	for _, text := range texts {
		ids := tok.Encode(text)
		if cfg.EOS >= 0 {
			ids = append(ids, cfg.EOS)
		}
		for len(ids) > 1 {
			n := min(len(ids), cfg.Positions+1)
			seqs = append(seqs, lm.Sequence{Tokens: ids[:n:n], From: 1})
			ids = ids[n-1:]
		}
	}
	return seqs
}
