package main

import win "golang.org/x/sys/windows"

// freeSpace is how many bytes this user may still write at path.
func freeSpace(path string) (int64, error) {
	name, err := win.UTF16PtrFromString(path)
	if err != nil {
		return 0, err
	}
	var free uint64
	if err := win.GetDiskFreeSpaceEx(name, &free, nil, nil); err != nil {
		return 0, err
	}
	return int64(free), nil
}

// mounted is not asked on Windows, where a volume has a letter of its own.
func mounted(string) bool { return false }
