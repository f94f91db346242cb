package remotetest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
)

// Status answers with a status, a body and headers ("name", "value", ...).
func Status(status int, body string, headers ...string) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		drain(r)
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// Body answers 200 with that body.
func Body(body string) Fault { return Status(http.StatusOK, body) }

// HTML is a page as proxies and captive portals send it.
func HTML(w http.ResponseWriter, r *http.Request, proper http.HandlerFunc) {
	Status(http.StatusOK, "<!DOCTYPE html><html><body>Service temporarily elsewhere</body></html>", "Content-Type", "text/html")(w, r, proper)
}

// Truncated is the first half of a proper answer, sent as if it were whole.
func Truncated(w http.ResponseWriter, r *http.Request, proper http.HandlerFunc) {
	body := record(r, proper).Body.String()
	Body(body[:len(body)/2])(w, r, proper)
}

// CutMidReply promises a proper answer and closes the connection in its middle.
func CutMidReply(w http.ResponseWriter, r *http.Request, proper http.HandlerFunc) {
	body := record(r, proper).Body.Bytes()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body[:len(body)/2])
	w.(http.Flusher).Flush()
	hangUp(w)
}

// Reset closes the connection without a word.
func Reset(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
	drain(r)
	hangUp(w)
}

// Huge is a reply of that many bytes whose length is not announced.
func Huge(bytes int) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		drain(r)
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"data":"`)
		chunk := make([]byte, 1<<16)
		for i := range chunk {
			chunk[i] = 'x'
		}
		for sent := 0; sent < bytes; sent += len(chunk) {
			if _, err := w.Write(chunk); err != nil {
				return // the client has seen enough
			}
		}
		io.WriteString(w, `"}`)
	}
}

// RedirectTo sends the client elsewhere, in a way that keeps method and body.
func RedirectTo(url string) Fault {
	return Status(http.StatusTemporaryRedirect, "", "Location", url)
}

// record is what the proper handler answers.
func record(r *http.Request, proper http.HandlerFunc) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	proper(rec, r)
	return rec
}

// drain reads the request to its end.
func drain(r *http.Request) { io.Copy(io.Discard, r.Body) }

// hangUp closes the connection below the HTTP server.
func hangUp(w http.ResponseWriter) {
	if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
		conn.Close()
	}
}
