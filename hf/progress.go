package hf

import "io"

// watcher tells Model.Progress of the weights that are written, and stops the writing
// where that says so.
type watcher struct {
	tell        func(done, total int) error // nil = nobody
	done, total int
	err         error
}

// fill is f, told of.
func (w *watcher) fill(f func(dst []float32, lo int)) func(dst []float32, lo int) {
	return func(dst []float32, lo int) {
		f(dst, lo)
		if w.done += len(dst); w.tell != nil && w.err == nil {
			w.err = w.tell(w.done, w.total)
		}
	}
}

// writer is out until the watcher has an error.
func (w *watcher) writer(out io.Writer) io.Writer { return watchedWriter{w, out} }

type watchedWriter struct {
	w   *watcher
	out io.Writer
}

// Write implements io.Writer.
func (w watchedWriter) Write(p []byte) (int, error) {
	if w.w.err != nil {
		return 0, w.w.err
	}
	return w.out.Write(p)
}
