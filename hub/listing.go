package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"pgsrm/remote"
)

// entry is a file of a model on the hub.
type entry struct {
	name string
	size int64  // bytes; -1 = not told
	sum  string // hexadecimal: SHA-256 of a large file, git's SHA-1 of a small one; "" = not told
}

// listing is the content of a model at a commit.
type listing struct {
	commit string
	files  map[string]entry
}

// patterns of what the hub names; both become parts of paths.
var (
	commitPattern = regexp.MustCompile(`^[0-9a-f]{40}$`)
	sumPattern    = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
)

// list asks the hub what the model holds at a revision.
func (c *client) list(ctx context.Context, revision string) (listing, error) {
	opt := remote.DefaultOptions()
	opt.KeyEnv, opt.TimeoutS, opt.Attempts, opt.MaxReplyMB = "HF_TOKEN", 60, 6, 64
	deps := c.deps.Deps
	deps.Getenv = func(string) string { return c.token }
	api, err := remote.New(c.endpoint.String(), opt, deps)
	if err != nil {
		return listing{}, inputErrorf("%s", strings.Replace(err.Error(), "key_env: ", "", 1))
	}
	var out listing
	err = api.Do(ctx, remote.Call{
		Path:  "/api/" + c.kind() + c.name + "/revision/" + url.PathEscape(revision) + "?blobs=true",
		Check: func(reply []byte) (err error) { out, err = parseListing(reply); return err },
	})
	var failed *remote.Error
	if errors.As(err, &failed) {
		if failed.Kind == remote.Canceled {
			return listing{}, ctx.Err()
		}
		if failed.Status != http.StatusOK {
			err = cmpError(c.statusError(failed.Status, fmt.Sprintf("revision %s", revision)), err)
		}
	}
	return out, err
}

// cmpError is the first of two errors that is one.
func cmpError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// statusError explains the statuses that the caller can do something about;
// nil for others.
func (c *client) statusError(status int, what string) error {
	host := c.endpoint.Host
	switch status {
	case http.StatusUnauthorized:
		if c.token == "" {
			return inputErrorf("%s must have that model, and HF_TOKEN must hold a token where it is private or gated (got status 401 for %s)", host, what)
		}
		return inputErrorf("%s must have that model and accept the token in HF_TOKEN (got status 401 for %s)", host, what)
	case http.StatusForbidden:
		return inputErrorf("the token in HF_TOKEN must be allowed to read this model, whose terms may have to be accepted at %s (got status 403 for %s)", c.endpoint.JoinPath(c.name), what)
	case http.StatusNotFound:
		return inputErrorf("%s must have that model and that revision (got status 404 for %s)", host, what)
	}
	return nil
}

// maxFiles is how many files a model may have, whether they are fetched or not.
const maxFiles = 100_000

// parseListing reads the hub's description of a model.
func parseListing(reply []byte) (listing, error) {
	var v struct {
		Commit   string `json:"sha"`
		Siblings []struct {
			Name   string `json:"rfilename"`
			Size   *int64 `json:"size"`
			BlobID string `json:"blobId"`
			LFS    *struct {
				SHA256 string `json:"sha256"`
				Size   int64  `json:"size"`
			} `json:"lfs"`
		} `json:"siblings"`
	}
	if err := remote.Decode(reply, &v); err != nil {
		return listing{}, fmt.Errorf("description of the model must be an object with sha and siblings: %w", err)
	}
	if !commitPattern.MatchString(v.Commit) {
		return listing{}, fmt.Errorf("description of the model: sha must be a commit (got %q)", v.Commit)
	}
	if len(v.Siblings) > maxFiles {
		return listing{}, remote.Permanent(fmt.Errorf("description of the model: must name at most %d files (got %d)", maxFiles, len(v.Siblings)))
	}
	list := listing{v.Commit, map[string]entry{}}
	for _, s := range v.Siblings {
		e := entry{name: s.Name, size: -1, sum: s.BlobID}
		if s.Size != nil {
			e.size = *s.Size
		}
		if s.LFS != nil {
			e.sum, e.size = s.LFS.SHA256, s.LFS.Size
		}
		if e.sum != "" && !sumPattern.MatchString(e.sum) {
			return listing{}, fmt.Errorf("description of the model: sum of %q must be SHA-1 or SHA-256 (got %q)", s.Name, e.sum)
		}
		list.files[s.Name] = e
	}
	return list, nil
}

// Files that are fetched where a model has them.
const (
	weightsFile        = "model.safetensors"
	indexFile          = "model.safetensors.index.json"
	adapterWeightsFile = "adapter_model.safetensors"
)

var sideFiles = []string{
	"config.json", "generation_config.json", "pgsrm.json", "adapter_config.json",
	"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
	"vocab.json", "merges.txt", "vocab.txt", "tokenizer.model", "chat_template.jinja", "chat_template.json",
	"modules.json", "1_Pooling/config.json", "sentence_bert_config.json", "config_sentence_transformers.json",
}

// kind is what stands before the name in the addresses of the hub's interface: that of a data
// set has it already.
func (c *client) kind() string {
	if isDataset(c.name) {
		return ""
	}
	return "models/"
}

// dataFile is the name of a file of rows.
var dataFile = regexp.MustCompile(`(?i)\.(parquet|jsonl|ndjson|json|csv|tsv)(\.gz|\.zst)?$`)

// wantedData are the names of the files of rows of a data set that match the pattern of the
// caller, and of its card.
func (c *client) wantedData(list listing) ([]string, error) {
	var names []string
	for name := range list.files {
		base := path.Base(name)
		if !dataFile.MatchString(name) || base == "dataset_infos.json" || base == "dataset_info.json" {
			continue
		}
		if ok, err := path.Match(c.deps.Include, name); c.deps.Include != "" && (err != nil || !ok) {
			continue
		}
		for element := range strings.SplitSeq(name, "/") {
			if err := checkFilename(element); err != nil {
				return nil, inputErrorf("file of rows %q: each part %w", name, err)
			}
		}
		names = append(names, name)
	}
	slices.Sort(names)
	switch {
	case len(names) == 0 && c.deps.Include != "":
		return nil, inputErrorf("data set must have a file of rows that matches %q", c.deps.Include)
	case len(names) == 0:
		return nil, inputErrorf("data set must have a file of rows (Parquet, JSON, JSONL, CSV or TSV)")
	}
	if _, ok := list.files["README.md"]; ok {
		names = append([]string{"README.md"}, names...)
	}
	return names, nil
}

// wanted are the names of the files to fetch: the weights last, since they take
// longest and a small file that cannot be had shows at once.
func (c *client) wanted(ctx context.Context, list listing) ([]string, error) {
	if isDataset(c.name) {
		return c.wantedData(list)
	}
	var names []string
	for _, name := range sideFiles {
		if _, ok := list.files[name]; ok {
			names = append(names, name)
		}
	}
	weights, err := c.weights(ctx, list)
	if err != nil {
		return nil, err
	}
	if weights == nil {
		return nil, noWeights(list)
	}
	return append(names, weights...), nil
}

// weights are the names of the files of weights, nil if there are none.
func (c *client) weights(ctx context.Context, list listing) ([]string, error) {
	var names []string
	has := func(name string) bool { _, ok := list.files[name]; return ok }
	switch {
	case has(weightsFile):
		names = append(names, weightsFile)
	case has(indexFile):
		shards, err := c.shards(ctx, list)
		if err != nil {
			return nil, err
		}
		names = append(append(names, indexFile), shards...)
	}
	if has(adapterWeightsFile) {
		names = append(names, adapterWeightsFile)
	}
	return names, nil
}

// shards fetches the index and returns the files that it names, each a name that
// every system takes for one file in the model's folder.
func (c *client) shards(ctx context.Context, list listing) ([]string, error) {
	tooLarge := func(size int64) error {
		return inputErrorf("%s: must have at most %d bytes (got %d)", indexFile, maxIndex, size)
	}
	if size := list.files[indexFile].size; size > maxIndex {
		return nil, tooLarge(size)
	}
	f, err := c.fetch(ctx, list, indexFile)
	if err != nil {
		return nil, err
	}
	if f.Size > maxIndex { // where the list did not tell
		return nil, tooLarge(f.Size)
	}
	text, err := c.store.read(list.commit, indexFile)
	if err != nil {
		return nil, err
	}
	var index struct {
		Where map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, inputErrorf("%s: must be an object with weight_map: %w", indexFile, err)
	}
	var names []string
	for _, name := range index.Where {
		names = append(names, name)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	folded := map[string]bool{}
	for _, name := range names {
		if err := checkFilename(name); err != nil {
			return nil, inputErrorf("%s: file of weights %w", indexFile, err)
		}
		if _, ok := list.files[name]; !ok {
			return nil, inputErrorf("%s: must name files of the model (got %q)", indexFile, name)
		}
		if folded[strings.ToLower(name)] {
			return nil, inputErrorf("%s: files of weights must differ in more than capitals (got %q twice)", indexFile, name)
		}
		folded[strings.ToLower(name)] = true
	}
	return names, nil
}

// maxIndex is the largest index of shards that is read, in bytes: one of 100,000
// tensors has 10 MB.
const maxIndex = 64 << 20

// noWeights explains a model that has none that are read.
func noWeights(list listing) error {
	var others []string
	for name := range list.files {
		for _, suffix := range []string{".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".gguf", ".onnx"} {
			if strings.HasSuffix(name, suffix) && !strings.Contains(name, "/") {
				others = append(others, name)
			}
		}
	}
	if len(others) == 0 {
		return inputErrorf("model must have %s, its shards, or %s", weightsFile, adapterWeightsFile)
	}
	return inputErrorf("model must have %s, its shards, or %s: %s is not read, since such files can run code or are of another kind; "+
		"write the model anew with transformers' save_pretrained", weightsFile, adapterWeightsFile, slices.Min(others))
}
