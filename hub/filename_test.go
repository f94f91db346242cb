package hub

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// bad are names that lead elsewhere on some system, or cannot be there.
var bad = []string{
	"", ".", "..", "...", "a/b", "/etc/x", "../x.safetensors", `..\x.safetensors`, `..\..\x.safetensors`, `a\b`, `C:x.safetensors`, `C:\x`, `\\host\share\x`,
	"x.safetensors:stream", "NUL", "nul.safetensors", "Con", "con.tar.gz", "COM1.safetensors", "lpt9", "COM¹", "CONIN$", "nul .x", "x.", "x ", " x", "a\x00b",
	"a\nb", "a*b", "a?b", `a"b`, "a<b", "a>b", "a|b", "\xff", strings.Repeat("x", 256),
}

func TestCheckFilename(t *testing.T) {
	for _, name := range bad {
		if err := checkFilename(name); err == nil {
			t.Errorf("%q must be refused", name)
		}
	}
	for _, name := range []string{"model-00001-of-00002.safetensors", "a b.safetensors", "конь.safetensors", ".x", "console", "nulls.x", "com.x", "com10", strings.Repeat("x", 255)} {
		if err := checkFilename(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// Shards under such a name, or under two that one system takes for the same, are
// refused before anything is fetched under it, also where the list has them.
func TestPullShardsUnderBadNames(t *testing.T) {
	try := func(names ...string) {
		t.Helper()
		where := map[string]string{}
		files := map[string]string{"config.json": "{}"}
		for _, name := range names {
			where["t"+name], files[name] = name, "x"
		}
		index, err := json.Marshal(map[string]any{"weight_map": where})
		if err != nil {
			t.Fatal(err)
		}
		files[indexFile] = string(index)
		h := newFakeHub(t, files)
		_, _, err = h.pull(t.TempDir(), "")
		if !errors.Is(err, ErrInput) {
			t.Errorf("%q: got %v", names, err)
		}
		for _, r := range h.requests {
			if strings.HasPrefix(r, "store") {
				t.Errorf("%q: must not be asked for (got %q)", names, r)
			}
		}
	}
	for _, name := range bad {
		if name != "\xff" { // no text of JSON
			try(name)
		}
	}
	try("Part-1.safetensors", "part-1.safetensors")
}

// Revisions become files as well.
func TestPullRevisionsUnderBadNames(t *testing.T) {
	h := newFakeHub(t, model())
	for _, revision := range []string{"main.", "con", "refs/nul.x", "a./b"} {
		if _, _, err := h.pull(t.TempDir(), revision); !errors.Is(err, ErrInput) || len(h.requests) > 0 {
			t.Errorf("%q: got %v and %d requests", revision, err, len(h.requests))
		}
	}
}

// A hub that says more than any model has is not believed.
func TestListingIsBounded(t *testing.T) {
	reply := `{"sha":"` + commit + `","siblings":[` + strings.Repeat(`{"rfilename":"a"},`, maxFiles) + `{"rfilename":"b"}]}`
	if _, err := parseListing([]byte(reply)); err == nil || !strings.Contains(err.Error(), "at most 100000 files (got 100001)") {
		t.Errorf("got %v", err)
	}
	h := newFakeHub(t, map[string]string{"config.json": "{}", indexFile: strings.Repeat(" ", maxIndex+1)})
	for _, h.blind = range []bool{false, true} {
		if _, _, err := h.pull(t.TempDir(), ""); err == nil || !strings.Contains(err.Error(), indexFile+": must have at most 67108864 bytes (got 67108865)") {
			t.Errorf("got %v", err)
		}
	}
}

// FuzzParseListing: a listing is refused or names only sums and commits that can
// be parts of paths.
func FuzzParseListing(f *testing.F) {
	for _, s := range []string{
		`{"sha":"` + commit + `","siblings":[{"rfilename":"a","size":1,"blobId":"` + commit + `"},{"rfilename":"b","lfs":{"sha256":"x","size":-1}}]}`,
		`{"sha":"` + commit + `","siblings":[{"rfilename":"a","lfs":{"sha256":"../../x","size":9223372036854775807}}]}`,
		`{"sha":"../x"}`, `[]`, `{"siblings":null}`, ``,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, reply []byte) {
		list, err := parseListing(reply)
		if err != nil {
			return
		}
		if !commitPattern.MatchString(list.commit) {
			t.Errorf("commit %q", list.commit)
		}
		for name, e := range list.files {
			if e.name != name || e.sum != "" && !sumPattern.MatchString(e.sum) {
				t.Errorf("%q: got %+v", name, e)
			}
		}
	})
}
