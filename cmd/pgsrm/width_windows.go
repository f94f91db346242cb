package main

import (
	"os"

	win "golang.org/x/sys/windows"
)

// columnsOf is the width of a terminal; 0 = it does not say.
func columnsOf(f *os.File) int {
	var info win.ConsoleScreenBufferInfo
	if err := win.GetConsoleScreenBufferInfo(win.Handle(f.Fd()), &info); err != nil {
		return 0
	}
	return int(info.Window.Right-info.Window.Left) + 1
}
