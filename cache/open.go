package cache

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Open returns the cache at a location: "" is the default file, "off" none (nil),
// redis://... a server, anything else the path of a file. Nothing is opened
// before it is used; errors are those of the location alone.
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
		var err error
		if location, err = DefaultPath(); err != nil {
			return nil, err
		}
	}
	c.store = newFile(location, o)
	return c, nil
}

// ErrNoFolder is a machine without a folder for caches, where no file is named.
var ErrNoFolder = errors.New("no folder for caches")

// DefaultPath is pgsrm/cache.bolt in the user's folder for caches
// ($XDG_CACHE_HOME or ~/.cache on Linux).
func DefaultPath() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("cache: %w (%w): going on without; name a file by --cache or %s", ErrNoFolder, err, Variable)
	}
	return filepath.Join(dir, "pgsrm", "cache.bolt"), nil
}
