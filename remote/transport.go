package remote

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"sync"
)

// maxHeader is how many bytes of headers a reply may have.
const maxHeader = 256 << 10

// newTransport is the transport of a client that keeps up to so many connections
// to a host. What a server says unasked does not reach the log of the program.
func newTransport(connections int) http.RoundTripper {
	muteUnasked()
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = connections
	t.MaxConnsPerHost = connections
	t.MaxResponseHeaderBytes = maxHeader
	return t
}

// unasked begins the line by which net/http reports bytes that came on an idle
// connection. It quotes them, they may hold the key, and there is no other way to
// be rid of it than the standard logger: http.Transport has no logger of its own,
// and without connections that are kept each request would pay for a new one.
var unasked = []byte("Unsolicited response received on idle HTTP channel")

// withoutUnasked is the output of the standard logger without that line; all
// others pass as they are.
type withoutUnasked struct{ io.Writer }

func (w withoutUnasked) Write(line []byte) (int, error) {
	if bytes.Contains(line, unasked) {
		return len(line), nil
	}
	return w.Writer.Write(line)
}

var muting sync.Mutex // one look at the logger at a time

// muteUnasked takes the line out of the standard logger, whatever its output is by now.
func muteUnasked() {
	muting.Lock()
	defer muting.Unlock()
	if _, done := log.Writer().(withoutUnasked); !done {
		log.SetOutput(withoutUnasked{log.Writer()})
	}
}
