package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgsrm/remote"
)

const (
	secret = "hf_averysecrettoken"
	commit = "0123456789abcdef0123456789abcdef01234567"
)

// fakeHub serves one model, large files from a store on another host, and can be
// told to misbehave.
type fakeHub struct {
	t          *testing.T
	hub, store *httptest.Server
	files      map[string]string
	blind      bool // the list tells no sums

	mu       sync.Mutex
	faults   map[string][]http.HandlerFunc // next replies for a path, in place of the proper ones
	requests []string                      // method, host role, path, range
}

// newFakeHub serves the files; those of safetensors are large.
func newFakeHub(t *testing.T, files map[string]string) *fakeHub {
	h := &fakeHub{t: t, files: files, faults: map[string][]http.HandlerFunc{}}
	h.store = httptest.NewServer(h.logged("store", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.Header.Get("Referer") != "" {
			t.Errorf("store: got headers %v", r.Header)
		}
		h.content(w, r, strings.TrimPrefix(r.URL.Path, "/store/"))
	}))
	h.hub = httptest.NewServer(h.logged("hub", h.serve))
	t.Cleanup(func() { h.hub.Close(); h.store.Close() })
	return h
}

func (h *fakeHub) logged(role string, f http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.requests = append(h.requests, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", role, r.Method, r.URL.Path, r.Header.Get("Range"))))
		key := role + " " + r.URL.Path
		reply := f
		if list := h.faults[key]; len(list) > 0 {
			reply, h.faults[key] = list[0], list[1:]
		}
		h.mu.Unlock()
		reply(w, r)
	})
}

func isLarge(name string) bool {
	return strings.HasSuffix(name, ".safetensors") || strings.HasSuffix(name, ".parquet")
}

// sumOf is the hub's sum of a file.
func sumOf(name, content string) string {
	if isLarge(name) {
		sum := sha256.Sum256([]byte(content))
		return hex.EncodeToString(sum[:])
	}
	sum := sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(content), content))
	return hex.EncodeToString(sum[:])
}

func (h *fakeHub) serve(w http.ResponseWriter, r *http.Request) {
	if got := r.Header.Get("Authorization"); got != "Bearer "+secret {
		h.t.Errorf("hub: authorization %q", got)
	}
	if r.URL.EscapedPath() == "/api/datasets/org/name/revision/main" || r.URL.EscapedPath() == "/api/models/org/name/revision/main" || r.URL.EscapedPath() == "/api/models/org/name/revision/refs%2Fpr%2F1" {
		h.list(w)
		return
	}
	name, ok := strings.CutPrefix(strings.TrimPrefix(r.URL.Path, "/datasets"), "/org/name/resolve/"+commit+"/")
	content, has := h.files[name]
	switch {
	case !ok || !has:
		http.NotFound(w, r)
	case isLarge(name):
		w.Header().Set("X-Linked-Etag", `"`+sumOf(name, content)+`"`)
		w.Header().Set("X-Linked-Size", fmt.Sprint(len(content)))
		http.Redirect(w, r, h.store.URL+"/store/"+name+"?signature=private", http.StatusFound)
	default:
		w.Header().Set("ETag", `W/"`+sumOf(name, content)+`"`)
		h.content(w, r, name)
	}
}

func (h *fakeHub) list(w http.ResponseWriter) {
	type m = map[string]any
	siblings := []m{}
	for name, content := range h.files {
		s := m{"rfilename": name}
		if !h.blind {
			s["size"], s["blobId"] = len(content), strings.Repeat("ab", 20)
			if isLarge(name) {
				s["lfs"] = m{"sha256": sumOf(name, content), "size": len(content), "pointerSize": 130}
			} else {
				s["blobId"] = sumOf(name, content)
			}
		}
		siblings = append(siblings, s)
	}
	json.NewEncoder(w).Encode(m{"id": "org/name", "sha": commit, "siblings": siblings, "private": false})
}

func (h *fakeHub) content(w http.ResponseWriter, r *http.Request, name string) {
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(h.files[name]))
}

// fault makes the next replies for a path of a role others.
func (h *fakeHub) fault(path string, replies ...http.HandlerFunc) { h.faults[path] = replies }

// status is a fault.
func status(code int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
	}
}

// cut sends so many bytes of the proper content, or of what is asked for of it, and hangs up.
func (h *fakeHub) cut(name string, n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		h.content(rec, r, name)
		for k, v := range rec.Header() {
			w.Header()[k] = v
		}
		w.WriteHeader(rec.Code)
		w.Write(rec.Body.Bytes()[:n])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

// text sends other content as if it were whole.
func text(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, s) }
}

// pull pulls into a cache; it returns the waits too.
func (h *fakeHub) pull(cache, revision string) (Result, []time.Duration, error) {
	var waits []time.Duration
	var mu sync.Mutex
	env := map[string]string{"HF_ENDPOINT": h.hub.URL, "HF_TOKEN": secret, "HF_HUB_CACHE": cache}
	res, err := Pull(context.Background(), "org/name", revision, Deps{Deps: remote.Deps{
		Getenv: func(name string) string { return env[name] }, Jitter: func() float64 { return 0 },
		Sleep: func(ctx context.Context, d time.Duration) error {
			mu.Lock()
			defer mu.Unlock()
			waits = append(waits, d)
			return ctx.Err()
		},
	}})
	return res, waits, err
}

// model is what the tests fetch; the files of the second half are of no use.
func model() map[string]string {
	return map[string]string{
		"config.json": `{"model_type":"gpt2"}`, "tokenizer.json": "{}", "model.safetensors": strings.Repeat("weights ", 1000),
		"1_Pooling/config.json": `{"pooling":1}`, "chat_template.jinja": "",
		"pytorch_model.bin": "pickle", "README.md": "# x", "onnx/model.onnx": "x", "original/consolidated.00.pth": "x", "model-00001-of-00002.safetensors": "x",
	}
}

// holds compares a snapshot with what it must hold.
func holds(t *testing.T, dir string, files map[string]string, names ...string) {
	t.Helper()
	var got []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		got = append(got, filepath.ToSlash(rel))
		text, err := os.ReadFile(path)
		if string(text) != files[filepath.ToSlash(rel)] {
			t.Errorf("%s: other content, %d bytes", rel, len(text))
		}
		return err
	})
	slices.Sort(got)
	slices.Sort(names)
	if err != nil || !slices.Equal(got, names) {
		t.Errorf("%s holds %q, want %q (%v)", dir, got, names, err)
	}
}

var usual = []string{"config.json", "tokenizer.json", "model.safetensors", "1_Pooling/config.json", "chat_template.jinja"}

// TestPull: the layout of the cache, and that nothing comes twice.
func TestPull(t *testing.T) {
	h := newFakeHub(t, model())
	cache := t.TempDir()
	res, _, err := h.pull(cache, "")
	if err != nil {
		t.Fatal(err)
	}
	repo := filepath.Join(cache, "models--org--name")
	if res.Path != filepath.Join(repo, "snapshots", commit) || res.Commit != commit || res.Revision != "main" {
		t.Errorf("got %+v", res)
	}
	holds(t, res.Path, h.files, usual...)
	if ref, err := os.ReadFile(filepath.Join(repo, "refs", "main")); string(ref) != commit {
		t.Errorf("refs/main is %q (%v)", ref, err)
	}
	for name, want := range map[string]string{"model.safetensors": "../../blobs/", "1_Pooling/config.json": "../../../blobs/"} {
		if got, err := os.Readlink(filepath.Join(res.Path, name)); got != filepath.FromSlash(want+sumOf(name, h.files[name])) {
			t.Errorf("%s is a link to %q (%v)", name, got, err)
		}
	}
	for _, f := range res.Files {
		if f.Fetched != int64(len(h.files[f.Name])) || f.Size != f.Fetched {
			t.Errorf("got %+v", f)
		}
	}
	h.requests = nil
	if res, _, err = h.pull(cache, "refs/pr/1"); err != nil || len(h.requests) != 1 {
		t.Errorf("again: %v, %q", err, h.requests)
	}
	if ref, err := os.ReadFile(filepath.Join(repo, "refs", "refs", "pr", "1")); string(ref) != commit {
		t.Errorf("refs/refs/pr/1 is %q (%v)", ref, err)
	}
	// a blob of another size, as a full disk leaves it, is fetched again
	blob := filepath.Join(repo, "blobs", sumOf("tokenizer.json", "{}"))
	if err := os.WriteFile(blob, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if res, _, err = h.pull(cache, ""); err != nil {
		t.Fatal(err)
	}
	holds(t, res.Path, h.files, usual...)
}

// TestPullShared: Hugging Face's own library finds what was pulled.
func TestPullShared(t *testing.T) {
	python := os.Getenv("PGSRM_PYTHON")
	if python == "" {
		t.Skip("reading the cache with huggingface_hub not tested: PGSRM_PYTHON names no python that has it")
	}
	h, cache := newFakeHub(t, model()), t.TempDir()
	res, _, err := h.pull(cache, "")
	if err != nil {
		t.Fatal(err)
	}
	script := `import sys, huggingface_hub as h
print(h.snapshot_download("org/name", cache_dir=sys.argv[1], local_files_only=True))
print(h.hf_hub_download("org/name", "1_Pooling/config.json", cache_dir=sys.argv[1], local_files_only=True))
info = h.scan_cache_dir(sys.argv[1])
assert not info.warnings and info.size_on_disk == int(sys.argv[2]), (info.warnings, info.size_on_disk)`
	var size int64
	for _, f := range res.Files {
		size += f.Size
	}
	out, err := exec.Command(python, "-c", script, cache, fmt.Sprint(size)).CombinedOutput()
	if want := res.Path + "\n" + filepath.Join(res.Path, "1_Pooling", "config.json") + "\n"; err != nil || string(out) != want {
		t.Errorf("got %v\n%s, want\n%s", err, out, want)
	}
}

// TestPullBlind: a hub whose list tells no sums is asked for each file's.
func TestPullBlind(t *testing.T) {
	h := newFakeHub(t, model())
	h.blind = true
	h.fault("hub /org/name/resolve/"+commit+"/model.safetensors", status(503))
	res, _, err := h.pull(t.TempDir(), "main")
	if err != nil {
		t.Fatal(err)
	}
	holds(t, res.Path, h.files, usual...)
}

// TestPullShards: the shards that the index names, and no others.
func TestPullShards(t *testing.T) {
	files := map[string]string{
		"config.json": "{}", "model.safetensors.index.json": `{"weight_map":{"a":"part-2.safetensors","b":"part-1.safetensors","c":"part-2.safetensors"}}`,
		"part-1.safetensors": "one", "part-2.safetensors": "two", "part-3.safetensors": "three", "consolidated.safetensors": "x",
	}
	h := newFakeHub(t, files)
	res, _, err := h.pull(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	holds(t, res.Path, files, "config.json", "model.safetensors.index.json", "part-1.safetensors", "part-2.safetensors")
	for index, want := range map[string]string{
		`{"weight_map":{"a":"part-9.safetensors"}}`: `pull org/name: model.safetensors.index.json: must name files of the model (got "part-9.safetensors")`,
		`[]`: "pull org/name: model.safetensors.index.json: must be an object with weight_map: json: cannot unmarshal array into Go value of type struct { Where map[string]string \"json:\\\"weight_map\\\"\" }",
	} {
		files["model.safetensors.index.json"] = index
		if _, _, err := h.pull(t.TempDir(), ""); err == nil || err.Error() != want || !errors.Is(err, ErrInput) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestPullResumes: after cut connections a download continues where it was, within
// one call and from one call to the next.
func TestPullResumes(t *testing.T) {
	h := newFakeHub(t, model())
	const weights = "store /store/model.safetensors"
	h.fault(weights, h.cut("model.safetensors", 1000), h.cut("model.safetensors", 2000), h.cut("model.safetensors", 0), status(500))
	cache := t.TempDir()
	res, waits, err := h.pull(cache, "")
	if err != nil {
		t.Fatal(err)
	}
	holds(t, res.Path, h.files, usual...)
	var ranges []string
	for _, r := range h.requests {
		if rest, ok := strings.CutPrefix(r, "store GET /store/model.safetensors"); ok {
			ranges = append(ranges, strings.TrimSpace(rest))
		}
	}
	if want := []string{"", "bytes=1000-", "bytes=3000-", "bytes=3000-", "bytes=3000-"}; !slices.Equal(ranges, want) {
		t.Errorf("asked for %q, want %q", ranges, want)
	}
	if want := []time.Duration{time.Second / 2, time.Second / 2, time.Second, 2 * time.Second}; !slices.Equal(waits, want) {
		t.Errorf("waited %v, want %v", waits, want)
	}
	for _, f := range res.Files {
		if f.Name == "model.safetensors" && f.Fetched != 8000 {
			t.Errorf("fetched %d bytes", f.Fetched)
		}
	}

	// the program ends in the middle; the next one continues
	h = newFakeHub(t, model())
	cut := h.cut("model.safetensors", 0)
	h.fault(weights, h.cut("model.safetensors", 5000), cut, cut, cut, cut, cut, cut)
	cache = t.TempDir()
	if _, _, err = h.pull(cache, ""); err == nil || errors.Is(err, ErrInput) {
		t.Fatalf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(cache, "models--org--name", "refs")); err == nil {
		t.Error("an unfinished snapshot must have no reference")
	}
	h.faults, h.requests = map[string][]http.HandlerFunc{}, nil
	if res, _, err = h.pull(cache, ""); err != nil {
		t.Fatal(err)
	}
	holds(t, res.Path, h.files, usual...)
	if !slices.Contains(h.requests, "store GET /store/model.safetensors bytes=5000-") {
		t.Errorf("requests: %q", h.requests)
	}
}

// TestPullDistrusts: what is not the file never gets its name.
func TestPullDistrusts(t *testing.T) {
	const weights = "store /store/model.safetensors"
	whole := model()["model.safetensors"]
	other := strings.ToUpper(whole)
	for name, faults := range map[string][]http.HandlerFunc{
		"other content":    {text(other)},
		"shorter":          {text(whole[:100])},
		"longer":           {text(whole + "x")},
		"ranges ignored":   {nil, text(whole)}, // after a cut
		"wrong range":      {nil, status(206, "Content-Range", "bytes 0-7999/8000")},
		"no such range":    {nil, status(416)},
		"link has run out": {status(403)},
		"too many":         {status(429, "Retry-After", "7")},
	} {
		h := newFakeHub(t, model())
		for i := range faults {
			if faults[i] == nil {
				faults[i] = h.cut("model.safetensors", 10)
			}
		}
		h.fault(weights, faults...)
		res, waits, err := h.pull(t.TempDir(), "")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		holds(t, res.Path, h.files, usual...)
		if name == "too many" && !slices.Equal(waits, []time.Duration{7 * time.Second}) {
			t.Errorf("%s: waited %v", name, waits)
		}
	}
	// a server that always sends the beginning only is given up
	always := newFakeHub(t, model())
	always.fault(weights, slices.Repeat([]http.HandlerFunc{text(whole[:100])}, 20)...)
	if _, waits, err := always.pull(t.TempDir(), ""); err == nil || len(waits) != attempts-1 {
		t.Errorf("beginning only: waited %v (%v)", waits, err)
	}
	// and where it never comes, the error says so
	h := newFakeHub(t, model())
	h.fault(weights, text(other), text(other), text(other))
	cache := t.TempDir()
	_, _, err := h.pull(cache, "")
	want := fmt.Sprintf("pull org/name: model.safetensors: must have the checksum that the hub gives (want %s, got %s)", sumOf("a.safetensors", whole), sumOf("a.safetensors", other))
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := os.Stat(filepath.Join(cache, "models--org--name", "blobs", sumOf("a.safetensors", whole))); err == nil {
		t.Error("wrong content must not get its name")
	}
}

// TestPullErrors: messages and kinds; none shows the token or a signed link.
func TestPullErrors(t *testing.T) {
	const api, config = "hub /api/models/org/name/revision/main", "hub /org/name/resolve/" + commit + "/config.json"
	six := func(f http.HandlerFunc) []http.HandlerFunc { return slices.Repeat([]http.HandlerFunc{f}, 6) }
	for _, c := range []struct {
		name, path string
		faults     []http.HandlerFunc
		edit       func(h *fakeHub)
		input      bool
		anything   bool   // whatever the error says
		want       string // HUB and STORE stand for the hosts
	}{
		{name: "401", path: api, faults: six(status(401)), input: true,
			want: "HUB must have that model and accept the token in HF_TOKEN (got status 401 for revision main)"},
		{name: "403", path: api, faults: six(status(403)), input: true,
			want: "the token in HF_TOKEN must be allowed to read this model, whose terms may have to be accepted at http://HUB/org/name (got status 403 for revision main)"},
		{name: "404", path: api, faults: six(status(404)), input: true,
			want: "HUB must have that model and that revision (got status 404 for revision main)"},
		{name: "500", path: api, faults: six(status(500)),
			want: "http://HUB/api/models/org/name/revision/main?blobs=true: server, status 500 (after 6 attempts)"},
		{name: "no commit", path: api, faults: six(text(`{"sha":"../../x"}`)),
			want: `http://HUB/api/models/org/name/revision/main?blobs=true: reply, status 200: description of the model: sha must be a commit (got "../../x"): "{\"sha\":\"../../x\"}" (after 6 attempts)`},
		{name: "file 403", path: config, faults: six(status(403)), input: true,
			want: "config.json: the token in HF_TOKEN must be allowed to read this model, whose terms may have to be accepted at http://HUB/org/name (got status 403 for config.json)"},
		{name: "file 500", path: config, faults: six(status(500)), want: "config.json: HUB: must send the file (got status 500)"},
		{name: "file 400", path: config, faults: six(status(400)), want: "config.json: HUB: must send the file (got status 400)"},
		{name: "store", path: "store /store/model.safetensors", faults: six(status(502)), want: "model.safetensors: STORE: must send the file (got status 502)"},
		{name: "gone", edit: func(h *fakeHub) { h.store.Close() }, want: "model.safetensors: STORE: dial tcp STORE: connect: connection refused"},
		{name: "loop", path: config, faults: slices.Repeat([]http.HandlerFunc{status(302, "Location", "/org/name/resolve/"+commit+"/config.json")}, 20),
			want: "config.json: HUB: must lead to the file (got 10 redirects)"},
		{name: "redirect to the token", path: config, faults: six(status(302, "Location", "http://"+secret+".invalid/x")), anything: true},
		{name: "token as range", path: "store /store/model.safetensors", faults: six(status(206, "Content-Range", "bytes "+secret)), anything: true},
		{name: "pickle", edit: func(h *fakeHub) { delete(h.files, "model.safetensors") }, input: true,
			want: "model must have model.safetensors, its shards, or adapter_model.safetensors: pytorch_model.bin is not read, since such files can run code or are of another kind; write the model anew with transformers' save_pretrained"},
		{name: "nothing", edit: func(h *fakeHub) { clear(h.files) }, input: true, want: "model must have model.safetensors, its shards, or adapter_model.safetensors"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newFakeHub(t, model())
			hosts := strings.NewReplacer("HUB", strings.TrimPrefix(h.hub.URL, "http://"), "STORE", strings.TrimPrefix(h.store.URL, "http://"))
			if c.path != "" {
				h.fault(c.path, c.faults...)
			}
			if c.edit != nil {
				c.edit(h)
			}
			_, _, err := h.pull(t.TempDir(), "")
			if want := "pull org/name: " + hosts.Replace(c.want); err == nil || err.Error() != want && !c.anything {
				t.Errorf("got\n%v, want\n%s", err, want)
			}
			if errors.Is(err, ErrInput) != c.input {
				t.Errorf("bad request: %v", !c.input)
			}
			if strings.Contains(fmt.Sprint(err), secret) || strings.Contains(fmt.Sprint(err), "signature") {
				t.Errorf("shows a secret: %v", err)
			}
		})
	}
}

// TestPullNames: names, revisions and environments that cannot be.
func TestPullNames(t *testing.T) {
	env := map[string]string{}
	for _, c := range []struct{ name, revision, variable, value, want string }{
		{"a/b/c", "", "", "", `hf: must be ORG/NAME, or datasets/ORG/NAME (got "a/b/c")`},
		{"../b", "", "", "", `hf: must be ORG/NAME, or datasets/ORG/NAME (got "../b")`},
		{"a/b", "../x", "", "", `hf:a/b: revision must be a branch, a tag or a commit (got "../x")`},
		{"a/b", "", "HF_HUB_OFFLINE", "1", `pull a/b: HF_HUB_OFFLINE must not be set (got "1")`},
		{"a/b", "", "HF_ENDPOINT", "hub.example.org", `pull a/b: HF_ENDPOINT must be http://HOST or https://HOST (got "hub.example.org")`},
		{"a/b", "", "HF_ENDPOINT", "https://user:pass@hub.example.org", `pull a/b: HF_ENDPOINT must be http://HOST or https://HOST (got "https://[redacted]@hub.example.org")`},
		{"a/b", "", "HF_TOKEN", "hf_x\ny", `pull a/b: HF_TOKEN must hold a key of printable characters`},
	} {
		env = map[string]string{"HF_HOME": t.TempDir(), c.variable: c.value}
		_, err := Pull(context.Background(), c.name, c.revision, Deps{Deps: remote.Deps{Getenv: func(name string) string { return env[name] }}})
		if err == nil || err.Error() != c.want || !errors.Is(err, ErrInput) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

// TestPullLogin: the token of a login is used where HF_TOKEN is not set.
func TestPullLogin(t *testing.T) {
	h := newFakeHub(t, model())
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "token"), []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"HF_ENDPOINT": h.hub.URL + "/", "HF_HOME": home}
	var last sync.Map
	res, err := Pull(context.Background(), "org/name", "", Deps{
		Deps:  remote.Deps{Getenv: func(name string) string { return env[name] }},
		Watch: func(e Event) { last.Store(e.File, e) },
	})
	if err != nil || !strings.HasPrefix(res.Path, filepath.Join(home, "hub")) {
		t.Fatalf("%v %+v", err, res)
	}
	for _, name := range usual {
		n := int64(len(h.files[name]))
		if e, _ := last.Load(name); e != (Event{name, n, n, true}) {
			t.Errorf("%s: last event %+v", name, e)
		}
	}
}

// TestPullInterrupted: the end of the context ends a pull.
func TestPullInterrupted(t *testing.T) {
	h := newFakeHub(t, model())
	ctx, cancel := context.WithCancel(context.Background())
	h.fault("store /store/model.safetensors", func(http.ResponseWriter, *http.Request) { cancel(); panic(http.ErrAbortHandler) })
	env := map[string]string{"HF_ENDPOINT": h.hub.URL, "HF_TOKEN": secret, "HF_HUB_CACHE": t.TempDir()}
	_, err := Pull(ctx, "org/name", "", Deps{Deps: remote.Deps{Getenv: func(name string) string { return env[name] }}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
