package remote_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"pgsrm/remote"
	"pgsrm/remote/remotetest"
)

// plainKey is a key that does not look like one, so that it is known by its text alone.
const plainKey = "Zq7TestKeyWithoutPrefix0123"

// spelled is the key with its first letter as an escape of JSON, so often inside
// one another.
func spelled(levels int) string {
	text := `\u005A` + plainKey[1:]
	for range levels - 1 {
		text = strings.ReplaceAll(text, `\`, `\\`)
	}
	return text
}

// A reply that spells the key in any way that decoding undoes is refused, and no
// message shows it, however the key is hidden and wherever the message is cut.
func TestKeyInOtherSpellings(t *testing.T) {
	blanks := strings.Repeat(" ", 5000)
	letter := func(text string) string { return strings.ReplaceAll(text, "T", `\u0054`) }
	for name, fault := range map[string]remotetest.Fault{
		"escape in a reply":           remotetest.Body(`{"got":"` + spelled(1) + `"}`),
		"escape within JSON in JSON":  remotetest.Body(`{"got":"{\"a\":\"` + spelled(2) + `\"}"}`),
		"other letter":                remotetest.Body(`{"got":"` + letter(plainKey) + `"}`),
		"as a name":                   remotetest.Body(`{"` + spelled(1) + `":1}`),
		"escape in a refusal":         remotetest.Status(400, `{"error":{"message":"`+spelled(1)+`"}}`),
		"escape, unknown form":        remotetest.Status(400, `{"reason":"`+spelled(1)+`"}`),
		"escape twice in a refusal":   remotetest.Status(400, `{"error":"{\"m\":\"`+spelled(2)+`\"}"}`),
		"no JSON":                     remotetest.Status(400, "<p>"+spelled(1)),
		"cut at 2560 bytes":           remotetest.Status(400, strings.Repeat(" ", 2560-len(plainKey)+1)+plainKey),
		"cut at every earlier letter": remotetest.Status(400, strings.Repeat(" ", 2560-7)+plainKey+blanks),
		"cut at the end of the body":  remotetest.Status(400, strings.Repeat(" ", 64<<10-len(plainKey)+1)+plainKey),
		"escapes cut at the end":      remotetest.Status(400, strings.Repeat(" ", 64<<10-len(plainKey)-5*2)+letter(plainKey)),
		"redirect to the key":         remotetest.Status(307, "", "Location", "http://"+plainKey+"/x"),
		"redirect by the key":         remotetest.Status(302, "", "Location", "/"+plainKey),
		"status 500":                  remotetest.Status(500, plainKey, "X-Should-Retry", "false"),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			r.client = withKey(t, r.URL()+"/v1", plainKey)
			r.Always(fault)
			got, err := r.ask()
			if err == nil {
				t.Fatalf("must be refused (got %q)", got)
			}
			text := fmt.Sprintf("%v %+v %#v", err, err, err)
			for n := len(plainKey); n >= 8; n-- { // half a key is a leak too
				if strings.Contains(text, plainKey[:n]) || strings.Contains(text, spelled(1)[:n+5]) || strings.Contains(text, letter(plainKey)[:n+5]) {
					t.Fatalf("must not show the key: %s", text)
				}
			}
		})
	}
}

// withKey is a client that makes two attempts.
func withKey(t *testing.T, base, key string) *remote.Client {
	t.Helper()
	opt := remote.DefaultOptions()
	opt.Attempts = 2
	c, err := remote.New(base, opt, remotetest.NewClock().Deps(map[string]string{"OPENAI_API_KEY": key}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// raw answers each connection with the same bytes, whatever is asked.
func raw(t *testing.T, reply string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if req, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				io.Copy(io.Discard, req.Body)
				io.WriteString(conn, reply)
			}
			conn.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

// What a server writes in place of HTTP is shown without the key.
func TestKeyInPlaceOfHTTP(t *testing.T) {
	for _, reply := range []string{
		"HTTP/1.1 " + plainKey + " no\r\n\r\n", plainKey + "\r\n\r\n", "HTTP/1.1 200 OK\r\n" + plainKey + "\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + plainKey + "\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: " + plainKey + "\r\n\r\n",
		"HTTP/1.1 307 no\r\nLocation: http://[" + plainKey + "\r\nContent-Length: 0\r\n\r\n",
	} {
		c := withKey(t, raw(t, reply)+"/v1", plainKey)
		err := c.Do(t.Context(), remote.Call{Path: "/x", Body: 1, Check: func([]byte) error { return nil }})
		if err == nil || strings.Contains(err.Error(), plainKey[:8]) {
			t.Errorf("%.40q: got %v", reply, err)
		}
	}
}

// lockedBuffer is an output that several goroutines write to.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Bytes that a server sends unasked reach no log; what the program logs does.
func TestUnaskedBytesAreNotLogged(t *testing.T) {
	var out lockedBuffer
	before := log.Writer()
	log.SetOutput(&out)
	t.Cleanup(func() { log.SetOutput(before) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer close(gone)
		defer conn.Close()
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
			return
		}
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"+"Bearer "+key+"\r\n")
		io.Copy(io.Discard, conn) // net/http logs, then closes
	}()
	c := withKey(t, "http://"+l.Addr().String()+"/v1", key)
	if err := c.Do(t.Context(), remote.Call{Path: "/x", Check: func([]byte) error { return nil }}); err != nil {
		t.Fatal(err)
	}
	<-gone
	l.Close()
	log.Print("a line of the program")
	if got := out.String(); strings.Contains(got, "sk-") || !strings.Contains(got, "a line of the program") {
		t.Errorf("got the log %q", got)
	}
}
