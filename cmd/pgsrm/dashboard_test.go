package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgsrm/config"
)

// runBoard runs the command until the test ends and returns the address that it prints.
func runBoard(t *testing.T, o dashboardOptions) *url.URL {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	g := &globalOptions{JSON: true, Stdout: in, Stderr: io.Discard, Log: slog.New(slog.DiscardHandler)}
	done := make(chan error, 1)
	dir := t.TempDir()
	go func() {
		err := runDashboard(ctx, o, g, dir)
		in.CloseWithError(err)
		done <- err
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("ended by %v", err)
			}
		case <-time.After(time.Minute):
			t.Error("does not end")
		}
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var told struct{ URL string }
	if err := json.Unmarshal(line, &told); err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(told.URL)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func status(t *testing.T, address string) int {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}

// On this machine the page needs no token unless one is set; beyond it, always.
func TestDashboardAddress(t *testing.T) {
	t.Setenv(tokenVariable, "")
	at := runBoard(t, dashboardOptions{Listen: "127.0.0.1:0"})
	if at.RawQuery != "" || !strings.HasPrefix(at.Host, "127.0.0.1:") || status(t, at.String()) != http.StatusOK {
		t.Errorf("loopback: got %s", at)
	}
	at = runBoard(t, dashboardOptions{Listen: "0.0.0.0:0"})
	if token := at.Query().Get("token"); len(token) != 32 || status(t, "http://127.0.0.1:"+at.Port()+"/api/runs") != http.StatusUnauthorized {
		t.Errorf("all addresses: got %s", at)
	}
	t.Setenv(tokenVariable, "secret")
	if at = runBoard(t, dashboardOptions{Listen: "127.0.0.1:0"}); at.Query().Get("token") != "secret" || status(t, "http://"+at.Host+"/api/runs") != http.StatusUnauthorized {
		t.Errorf("with a token: got %s", at)
	}
}

// Mistakes in the flags are told before anything is listened to.
func TestDashboardFlags(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{dir + "/nothing"}, "no such file"},
		{[]string{dir, "--listen", "8717"}, "--listen: must be HOST:PORT"},
		{[]string{dir, "--listen", "256.0.0.1:0"}, "--listen: "},
		{[]string{dir, "--alert-on", "failde"}, "failed"},
		{[]string{dir, "--alert-webhook", "hooks"}, "webhook must be"},
	} {
		var out bytes.Buffer
		g := &globalOptions{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out}
		root := newRootCommand(g)
		root.SetArgs(append([]string{"dashboard"}, c.args...))
		if err := root.Execute(); !errors.Is(err, config.ErrBad) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %q", c.args, err, c.want)
		}
	}
}
