package main

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// hubOf serves the files as the model org/name. The client is tested in package hub.
func hubOf(t *testing.T, files map[string]string) string {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	sum := func(content string) string {
		s := sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(content), content))
		return hex.EncodeToString(s[:])
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/models/org/name/revision/main" {
			siblings := []any{}
			for name, content := range files {
				siblings = append(siblings, map[string]any{"rfilename": name, "size": len(content), "blobId": sum(content)})
			}
			json.NewEncoder(w).Encode(map[string]any{"id": "org/name", "sha": commit, "siblings": siblings})
			return
		}
		content, ok := files[strings.TrimPrefix(r.URL.Path, "/org/name/resolve/"+commit+"/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("ETag", `W/"`+sum(content)+`"`)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(content))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// What is pulled is a child; pulled again it is in the cache already.
func TestPull(t *testing.T) {
	dir := t.TempDir()
	if err := writeChild(filepath.Join(dir, "child")); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, name := range []string{"config.json", "model.safetensors", "tokenizer.json"} {
		text, err := os.ReadFile(filepath.Join(dir, "child", name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(text)
	}
	t.Setenv("HF_ENDPOINT", hubOf(t, files))
	t.Setenv("HF_HOME", filepath.Join(dir, "hf"))
	t.Setenv("HF_HUB_CACHE", "")
	t.Setenv("HF_TOKEN", "")
	code, stdout, stderr := call(t, "pull", "org/name")
	if st, err := os.Stat(strings.TrimSpace(stdout)); code != 0 || err != nil || !st.IsDir() {
		t.Fatalf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	for name, content := range files {
		want := fmt.Sprintf("INF fetched file=%s MB=%s\n", name, megabytes(int64(len(content))))
		if !strings.Contains(stderr, want) || !strings.Contains(stderr, "INF fetching file="+name+" ") {
			t.Errorf("stderr must hold %q: %s", want, stderr)
		}
	}
	code, text, stderr := call(t, "pull", "org/name", "--json")
	var res struct {
		Name, Path string
		Files      []struct{ Fetched int64 }
	}
	if err := json.Unmarshal([]byte(text), &res); err != nil || code != 0 || res.Name != "org/name" || res.Path != strings.TrimSpace(stdout) || len(res.Files) != 3 {
		t.Fatalf("exit code %d, %s, %v", code, text, err)
	}
	if strings.Count(stderr, "INF in the cache file=") != 3 || strings.Contains(stderr, "fetch") {
		t.Errorf("stderr %q", stderr)
	}
	if code, _, stderr := call(t, "generate", "--child", "hf:org/name", "--prompt", "hot", "--max-new-tokens", "1"); code != 0 {
		t.Errorf("the pulled child: exit code %d, %s", code, stderr)
	}
	if code, stdout, stderr := call(t, "pull", "org/other"); code == 0 || stdout != "" || !strings.HasPrefix(stderr, "pgsrm: ") {
		t.Errorf("a model that is not there: exit code %d, %q, %q", code, stdout, stderr)
	}
}

func TestMegabytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0.0", 1_250_000: "1.2", 12_340_000_000: "12340.0"} {
		if got := megabytes(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
