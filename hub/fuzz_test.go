package hub

import (
	"testing"
)

// FuzzListing: no description of a model may panic, and what is accepted can be
// part of a path.
func FuzzListing(f *testing.F) {
	f.Add([]byte(`{"sha":"0123456789abcdef0123456789abcdef01234567","siblings":[{"rfilename":"config.json","size":2,"blobId":"0123456789abcdef0123456789abcdef01234567"}]}`))
	f.Add([]byte(`{"sha":"0123456789abcdef0123456789abcdef01234567","siblings":[{"rfilename":"../x","size":-2,"lfs":{"sha256":"..","size":1}}]}`))
	f.Add([]byte(`{"sha":"main","siblings":null}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := parseListing(b)
		if err != nil {
			return
		}
		if !commitPattern.MatchString(list.commit) {
			t.Errorf("commit %q", list.commit)
		}
		for name, e := range list.files {
			if e.name != name || e.sum != "" && !sumPattern.MatchString(e.sum) || e.size < -1 {
				t.Errorf("%q: %+v", name, e)
			}
		}
	})
}
