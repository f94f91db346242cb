package report

import (
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestWrite(t *testing.T) {
	dir := fixtureDir(t)
	writeFixture(t, dir, 3)
	data, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	names, err := data.Write(dir, "png")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"summary.json", "report.html", "curves-colors.png", "final-colors.png", "profiles-colors.png"}; !slices.Equal(names, want) {
		t.Errorf("written files: got %q, want %q", names, want)
	}
	for _, name := range names[2:] {
		file, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		picture, err := png.Decode(file)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if size := picture.Bounds().Size(); size.X < 600 || size.Y < 200 {
			t.Errorf("%s: must be large enough to read (got %v)", name, size)
		}
	}
}
