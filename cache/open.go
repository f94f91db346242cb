package cache

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Open returns the cache at a location: "" is the default file, "off" none (nil),
// redis://... a server, anything else the path of a file. A file that is no cache is
// refused and left as it is; beyond that nothing is opened before it is used.
func Open(location string, o Options) (*Cache, error) {
	if o.Limit == 0 {
		o.Limit = DefaultLimit
	}
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Cache{warn: o.Warn, now: o.Now, pending: map[Key]*Entry{}, touched: map[Key]bool{}}
	switch {
	case location == "off":
		return nil, nil
	case isServer(location):
		s, err := newServer(location)
		if err != nil {
			return nil, err
		}
		c.store = s
		return c, nil
	case location == "":
		path, err := defaultPath()
		if err != nil {
			return nil, err
		}
		f := newFile(path, o)
		f.own = true
		c.store = f
		return c, nil
	}
	if err := checkForeign(location); err != nil {
		return nil, err
	}
	c.store = newFile(location, o)
	return c, nil
}

// checkForeign reports a file that is surely none of ours. What cannot be read is
// left to its first use.
func checkForeign(path string) error {
	raw, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer raw.Close()
	info, err := raw.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return nil
	}
	if err := glance(raw, info.Size()); err != nil {
		return foreignError(path, err)
	}
	return nil
}

// ErrNoFolder is a machine without a folder for caches, where no file is named.
var ErrNoFolder = errors.New("no folder for caches")

// defaultPath is pgsrm/cache.bolt in the user's folder for caches
// ($XDG_CACHE_HOME or ~/.cache on Linux).
func defaultPath() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("cache: %w (%w): going on without; name a file by --cache or %s", ErrNoFolder, err, Variable)
	}
	return filepath.Join(dir, "pgsrm", "cache.bolt"), nil
}
