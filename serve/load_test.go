package serve

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgsrm/embed"
)

// loader is a connection that sends requests as cheaply as can be, so that a measurement on
// one machine is one of the server.
type loader struct {
	conn net.Conn
	in   *bufio.Reader
	host string
}

func dial(b testing.TB, url string) *loader {
	host := strings.TrimPrefix(url, "http://")
	c, err := net.Dial("tcp", host)
	if err != nil {
		b.Error(err)
		return nil
	}
	return &loader{c, bufio.NewReaderSize(c, 4096), host}
}

// request is a POST in full.
func (l *loader) request(path, body string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s", path, l.host, len(body), body)
}

// send sends a request and returns the body of its reply.
func (l *loader) send(request []byte) ([]byte, error) {
	if _, err := l.conn.Write(request); err != nil {
		return nil, err
	}
	line, err := l.in.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
		return nil, fmt.Errorf("%s", line)
	}
	length := 0
	for {
		line, err := l.in.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		if len(line) <= 2 {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			length, _ = strconv.Atoi(string(bytes.TrimSpace(value)))
		}
	}
	reply := make([]byte, length)
	_, err = io.ReadFull(l.in, reply)
	return reply, err
}

// BenchmarkCached sends single samples that are remembered over 256 connections, and says
// how many are answered in a second and how long the slowest hundredth takes.
func BenchmarkCached(b *testing.B) {
	s := start(b, nil, fixture(b, "default", "pgsrm", nil))
	const connections = 256
	var left atomic.Int64
	left.Store(int64(b.N))
	took := make([][]time.Duration, connections)
	var all, ready sync.WaitGroup
	begin := make(chan struct{})
	ready.Add(connections)
	for c := range connections {
		all.Go(func() {
			l := dial(b, s.url)
			defer l.conn.Close()
			request := l.request("/slime", fmt.Sprintf(`{"prompt":"The opposite of 'hot' is ","response":"word %d","label":"cold"}`, c%64))
			if _, err := l.send(request); err != nil {
				b.Error(err)
			}
			ready.Done()
			<-begin
			for left.Add(-1) >= 0 {
				at := time.Now()
				if _, err := l.send(request); err != nil {
					b.Error(err)
					return
				}
				took[c] = append(took[c], time.Since(at))
			}
		})
	}
	ready.Wait()
	b.ResetTimer()
	close(begin)
	all.Wait()
	b.StopTimer()
	times := slices.Concat(took...)
	slices.Sort(times)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric(1000*times[len(times)*99/100].Seconds(), "p99-ms")
}

// BenchmarkUncached sends single samples with texts that nobody has seen over 256
// connections, embedded by the encoder in PGSRM_MINILM, and says how many texts are embedded
// in a second, beside those of the same encoder in batches of 256, as pgsrm embed asks it.
func BenchmarkUncached(b *testing.B) {
	folder := os.Getenv("PGSRM_MINILM")
	if folder == "" {
		b.Skip("PGSRM_MINILM names no folder of an encoder")
	}
	texts := func(kind string, n int) []string {
		out := make([]string, n)
		for i := range out {
			out[i] = fmt.Sprintf("%s %d brings %d more days of rain to the coast of %d", kind, i, i*7, i*13)
		}
		return out
	}
	open := func() embed.Embedder {
		e, err := embed.Open(folder, embed.Options{})
		if err != nil {
			b.Fatal(err)
		}
		return e
	}
	const most = 1 << 14
	n := min(b.N, most)
	var asked, batched time.Duration
	s := start(b, nil, fixture(b, "default", "cosine", open()))
	e := open()
	for part := range 8 { // by turns, as the machine is not always equally calm
		at := time.Now()
		for batch := range slices.Chunk(texts(fmt.Sprintf("batch %d", part), n/8), 256) {
			e.Embed(context.Background(), batch)
		}
		batched += time.Since(at)
		at = time.Now()
		var next atomic.Int64
		var all sync.WaitGroup
		list := texts(fmt.Sprintf("served %d", part), n/8)
		for range 256 {
			all.Go(func() {
				l := dial(b, s.url)
				defer l.conn.Close()
				for i := next.Add(1) - 1; int(i) < len(list); i = next.Add(1) - 1 {
					if _, err := l.send(l.request("/slime", `{"prompt":"p","response":"`+list[i]+`","label":"cold"}`)); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		asked += time.Since(at)
	}
	b.ReportMetric(float64(n)/asked.Seconds(), "served/s")
	b.ReportMetric(float64(n)/batched.Seconds(), "batched/s")
	b.ReportMetric(batched.Seconds()/asked.Seconds(), "share")
}

// Thousands of connections that are opened at once are all answered.
func TestManyConnections(t *testing.T) {
	s := start(t, nil, fixture(t, "default", "exact", nil))
	const connections = 4096
	if !manyFiles(2*connections + 1024) {
		t.Skip("the system allows too few open files for 4,096 connections with both ends here")
	}
	begin := make(chan struct{})
	var all sync.WaitGroup
	var answered atomic.Int64
	for i := range connections {
		all.Go(func() {
			<-begin
			l := dial(t, s.url)
			if l == nil {
				return
			}
			defer l.conn.Close()
			reply, err := l.send(l.request("/slime", fmt.Sprintf(`{"prompt":"p","response":"%d","label":"7"}`, i)))
			want := "0.0\n"
			if i == 7 {
				want = "1.0\n"
			}
			if err != nil || string(reply) != want {
				t.Errorf("connection %d: %q, %v", i, reply, err)
				return
			}
			answered.Add(1)
		})
	}
	close(begin)
	all.Wait()
	if n := answered.Load(); n != connections {
		t.Errorf("%d of %d were answered", n, connections)
	}
}
