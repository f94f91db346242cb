package dashboard

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
)

// follower reads the lines of a file that grows, each once.
type follower struct {
	path   string
	offset int64       // of the first byte that was not read
	info   fs.FileInfo // of the file at the last look; nil = there was none
	tail   []byte      // the last bytes before offset
}

const (
	longestLine = 1 << 20 // bytes; longer ones are left out
	tailLength  = 64
)

// changed says whether the file is another one, or has another size, than at the last look.
func (f *follower) changed() bool {
	st, err := os.Stat(f.path)
	if err != nil {
		return f.info != nil
	}
	return f.info == nil || !os.SameFile(st, f.info) || st.Size() != f.info.Size() || !st.ModTime().Equal(f.info.ModTime())
}

// read calls add with each new whole line that is not blank, and where it begins. It calls
// anew first where the file is not the one that was read: replaced, or cut, as by a run
// that is resumed. A last line without line feed is read once it is whole. An absent file
// has no lines.
func (f *follower) read(anew func(), add func(line []byte, at int64)) error {
	file, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		if f.info != nil {
			f.restart(nil)
			anew()
		}
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() {
		return errors.New("must be a file")
	}
	if f.info != nil && (!os.SameFile(st, f.info) || st.Size() < f.offset || !f.continues(file)) {
		f.restart(nil)
		anew()
	}
	f.info = st
	if _, err := file.Seek(f.offset, io.SeekStart); err != nil {
		return err
	}
	return f.lines(bufio.NewReaderSize(file, 1<<16), add)
}

// restart forgets what was read.
func (f *follower) restart(info fs.FileInfo) { f.offset, f.tail, f.info = 0, f.tail[:0], info }

// continues says whether the bytes before the offset are those that were read.
func (f *follower) continues(file *os.File) bool {
	now := make([]byte, len(f.tail))
	_, err := file.ReadAt(now, f.offset-int64(len(f.tail)))
	return err == nil && bytes.Equal(now, f.tail)
}

// lines reads to the end.
func (f *follower) lines(r *bufio.Reader, add func(line []byte, at int64)) error {
	var long []byte // the beginning of a line that is longer than the buffer
	at, size := f.offset, int64(0)
	for {
		part, err := r.ReadSlice('\n')
		size += int64(len(part))
		if err == bufio.ErrBufferFull || len(long) > 0 {
			if len(long)+len(part) <= longestLine+1 {
				long = append(long, part...)
			} else {
				long = long[:min(1, len(long))] // too long: left out, but still one line
				if len(long) == 0 {
					long = append(long, ' ')
				}
			}
		}
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err == io.EOF:
			return nil // a line that is not whole, or nothing
		case err != nil:
			return err
		}
		line := part
		if len(long) > 0 {
			line = long
		}
		f.remember(line)
		if text := bytes.TrimSpace(line); len(text) > 0 && size <= longestLine+1 {
			add(text, at)
		}
		at += size
		f.offset, size, long = at, 0, long[:0]
	}
}

// remember keeps the end of a line that was read.
func (f *follower) remember(line []byte) {
	f.tail = append(f.tail[:0], line[max(0, len(line)-tailLength):]...)
}
