//go:build unix

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgsrm/remote/remotetest"
)

// writeCertificate writes a certificate of 127.0.0.1 with a name, and its key.
func writeCertificate(t *testing.T, cert, key, name string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// SIGHUP reads rewards, tokens and certificate anew; where one of them cannot be read all
// stays as it was.
func TestServeHangup(t *testing.T) {
	t.Setenv("PGSRM_CACHE", "off")
	dir := t.TempDir()
	settings, tokens, cert, key := filepath.Join(dir, "serve.yaml"), filepath.Join(dir, "tokens"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(settings, "rewards: [{name: a, reward: exact}]")
	write(tokens, "first-token-0123456789\n")
	writeCertificate(t, cert, key, "first")
	url := served(t, "--settings", settings, "--tokens", tokens, "--tls-cert", cert, "--tls-key", key)
	if !strings.HasPrefix(url, "https://") {
		t.Fatalf("url %s", url)
	}
	ask := func(token string) string {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
		r, err := http.NewRequest(http.MethodPost, url+"/slime", strings.NewReader(`{"prompt":"p","response":"word","label":"words"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		reply, text, err := remotetest.Ask(client, r)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%d %s %.4s", reply.StatusCode, reply.TLS.PeerCertificates[0].Subject.CommonName, text)
	}
	until := func(token, want string) {
		t.Helper()
		var got string
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if got = ask(token); got == want {
				return
			}
		}
		t.Fatalf("got %s, want %s", got, want)
	}
	until("first-token-0123456789", "200 first 0.0\n")
	write(settings, "rewards: [{name: a, reward: levenshtein}]")
	write(tokens, "second-token-0123456789\n")
	writeCertificate(t, cert, key, "second")
	hangup(t)
	until("second-token-0123456789", "200 second 0.8\n")
	until("first-token-0123456789", `401 second {"er`)

	write(settings, "rewards: [{name: a, reward: nix}]")
	write(tokens, "third-token-0123456789\n")
	hangup(t)
	time.Sleep(200 * time.Millisecond) // that nothing happens can only be waited for
	until("second-token-0123456789", "200 second 0.8\n")
	until("third-token-0123456789", `401 second {"er`)
}

// hangup sends this process the signal.
func hangup(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}
