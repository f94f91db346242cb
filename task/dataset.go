package task

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"pgsrm/config"
	"pgsrm/hub"
)

// datasetPrefix begins the name of a data set of a hub.
const datasetPrefix = "hf:datasets/"

// locateDataset finds the files of rows of hf:datasets/ORG/NAME[/SUBSET][@REVISION] in the
// cache. A file or folder named train, or else test, validation, valid, dev or eval, says
// to which split its rows belong; where none is held out they are split by their hash.
func locateDataset(name string) ([]part, string, error) {
	repo, revision, given := strings.Cut(strings.TrimPrefix(name, "hf:"), "@")
	words := strings.SplitN(repo, "/", 4) // datasets, ORG, NAME, SUBSET
	subset := ""
	if len(words) == 4 {
		subset, repo = words[3], strings.Join(words[:3], "/")
	}
	if given {
		revision = "@" + revision
	}
	dir, err := hub.Folder(repo + revision)
	if err != nil {
		return nil, "", config.At("task", err)
	}
	files, err := dataFiles(dir, subset)
	if err != nil {
		return nil, "", config.At("task", fmt.Errorf("%s: %w", name, err))
	}
	var parts []part
	held := false
	for _, file := range files {
		split := splitOf(file)
		held = held || split == HeldOut
		parts = append(parts, part{path: filepath.Join(dir, filepath.FromSlash(file)), title: filepath.Base(repo) + "/" + file, split: split})
	}
	if !held {
		for i := range parts {
			parts[i].split = ""
		}
	}
	title := filepath.Base(repo)
	if subset != "" {
		title += "-" + strings.ReplaceAll(subset, "/", "-")
	}
	return parts, title, nil
}

// dataFiles lists the files of rows of a snapshot, of a subset of it where one is named.
func dataFiles(dir, subset string) ([]string, error) {
	var all []string
	subsets := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		file, err := filepath.Rel(dir, path)
		if file = filepath.ToSlash(file); err == nil && formatOf(file) != "" {
			all = append(all, file)
			subsets[subsetOf(file)] = true
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var names []string
	for s := range subsets {
		if s != "" {
			names = append(names, s)
		}
	}
	slices.Sort(names)
	if subset == "" {
		if len(subsets) > 1 {
			return nil, fmt.Errorf("must name one of the subsets %s, as in %sORG/NAME/%s", listed(names), datasetPrefix, names[0])
		}
		subset = strings.Join(names, "")
	}
	files := slices.DeleteFunc(all, func(f string) bool { return subsetOf(f) != subset })
	if len(files) == 0 && len(names) > 0 {
		return nil, fmt.Errorf("must have the subset %q (it has %s)", subset, listed(names))
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("must have files of rows in the cache")
	}
	slices.Sort(files)
	return files, nil
}

// subsetOf is the folder of a file, but for one named data or after a split.
func subsetOf(file string) string {
	var names []string
	folders := strings.Split(file, "/")
	for _, f := range folders[:len(folders)-1] {
		if f != "data" && splitOf(f+"/") == "" {
			names = append(names, f)
		}
	}
	return strings.Join(names, "/")
}

// splitOf is the split that the name of a file, or of a folder of it, says.
func splitOf(file string) Split {
	var split Split
	for _, word := range strings.FieldsFunc(strings.ToLower(file), func(r rune) bool { return strings.ContainsRune("/-_.", r) }) {
		switch word {
		case "train", "training":
			split = Train
		case "test", "validation", "valid", "val", "dev", "eval":
			split = HeldOut
		}
	}
	return split
}
