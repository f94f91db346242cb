package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/config"
	"pgsrm/serve"
)

// newServeCommand answers training engines.
func newServeCommand(g *globalOptions) *cobra.Command {
	o := serveOptions{}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve a reward to training engines over HTTP",
		Long: `The serve command gives rewards over HTTP to the engines that train large models:
POST /openrlhf (OpenRLHF), /slime, /verify (NeMo Gym, verifiers, prime-rl) and
/v1/reward, the route of our own with many samples, all terms and an error for each
sample that has none. The rewards are those of pgsrm score. docs/serve.md describes
every route, every error and what to set in each engine.

Samples that arrive one by one are scored together; equal ones are scored once, and
remembered. A reward that depends on what a run has seen is that of its start.

It listens on this machine alone. To listen elsewhere it needs --tokens, a file with one
bearer token a line, or --insecure, which lets everybody ask who reaches the port.

--settings names a YAML file with limits and, in the place of --task and --reward,
several rewards, each at /rewards/NAME/... SIGHUP reads tokens, certificate, that file
and all it names anew; SIGTERM or an interrupt ends the server once what was asked is
answered. With --json the address is printed as {"url"} once it listens.

EXAMPLES
  pgsrm serve --task opposites --reward pgsrm
  pgsrm serve --task prompts.jsonl --reward exact --listen :8900 --tokens tokens.txt
  pgsrm serve --settings serve.yaml --tls-cert cert.pem --tls-key key.pem --tokens tokens.txt
  curl -d '{"samples":[{"prompt":"p","response":"red","reference":"crimson"}]}' localhost:8900/v1/reward
` + exitStatusHelp,
		RunE: func(cmd *cobra.Command, _ []string) error { return runServe(cmd.Context(), &o, g) },
	}
	o.AddFlags(cmd.Flags())
	return cmd
}

// serveOptions are the flags of serve.
type serveOptions struct {
	scoreOptions
	Listen   string
	Settings string
	Tokens   string
	Insecure bool
	TLSCert  string
	TLSKey   string
	flags    *pflag.FlagSet
}

// AddFlags adds the flags of serve.
func (o *serveOptions) AddFlags(f *pflag.FlagSet) {
	o.flags = f
	o.addScoring(f)
	f.StringVar(&o.Listen, "listen", "127.0.0.1:8900", "address and port to listen on; port 0 = any that is free")
	f.StringVar(&o.Settings, "settings", "", "YAML file of limits and of several rewards, see docs/serve.md")
	f.StringVar(&o.Tokens, "tokens", "", "file of bearer tokens, one a line; requests must have one of them")
	f.BoolVar(&o.Insecure, "insecure", false, "listen beyond this machine without tokens")
	f.StringVar(&o.TLSCert, "tls-cert", "", "file of the certificate in PEM, for https")
	f.StringVar(&o.TLSKey, "tls-key", "", "file of its key in PEM")
}

// serveFile is what --settings names.
type serveFile struct {
	serve.Settings `yaml:",inline"`
	Rewards        []servedReward `yaml:"rewards"` // in the place of --task and --reward; the first is the default one
}

// servedReward is one of several rewards, in the words of the flags.
type servedReward struct {
	Name      string   `yaml:"name" longest:"64"`
	Task      string   `yaml:"task"`
	Reward    string   `yaml:"reward"`
	Parent    string   `yaml:"parent"`
	Embedder  string   `yaml:"embedder"`
	Config    string   `yaml:"config"`
	Set       []string `yaml:"set"`
	Map       []string `yaml:"map"`
	HeldOut   float64  `yaml:"held_out" range:"[0, 1)"`
	SplitSeed uint64   `yaml:"split_seed" range:"[0, 9007199254740991]"`
	Limit     int      `yaml:"limit" range:"[0, 1000000000]"`
}

// Rules demands names that can stand in a path, each once.
func (f serveFile) Rules() error {
	seen := map[string]bool{}
	for i, r := range f.Rewards {
		if !serve.IsName(r.Name) || seen[r.Name] {
			return &config.Error{Key: fmt.Sprintf("rewards[%d].name", i), Must: "must be letters, digits, dots, dashes and underscores, another one for each reward", Value: fmt.Sprintf("%q", r.Name)}
		}
		seen[r.Name] = true
		if err := config.At(fmt.Sprintf("rewards[%d]", i), config.Check(r)); err != nil {
			return err
		}
	}
	return nil
}

// file reads the settings.
func (o *serveOptions) file() (serveFile, error) {
	f := serveFile{Settings: serve.DefaultSettings()}
	text, err := config.ReadFile(o.Settings, nil)
	if err != nil {
		return f, err
	}
	layers := config.Over(&f)
	if err := layers.File(text); err != nil {
		return f, err
	}
	if err := config.Check(f); err != nil {
		return f, layers.Place(err)
	}
	for _, name := range []string{"task", "reward", "parent", "embedder", "config", "set", "map", "held-out", "split-seed", "limit"} {
		if len(f.Rewards) > 0 && o.flags.Changed(name) {
			return f, inputErrorf("--%s: must not be given beside the rewards of --settings", name)
		}
	}
	return f, nil
}

// open makes the rewards, of the file or of the flags.
func (o *serveOptions) open(ctx context.Context, g *globalOptions) (rewards []serve.Reward, err error) {
	defer func() {
		if err != nil {
			for _, r := range rewards {
				r.Close()
			}
			rewards = nil
		}
	}()
	f, err := o.file()
	if err != nil {
		return nil, err
	}
	if len(f.Rewards) == 0 {
		one, err := openServed(ctx, "default", o.scoreOptions, g)
		if err != nil {
			return nil, err
		}
		return []serve.Reward{one}, nil
	}
	for i, r := range f.Rewards {
		one, err := openServed(ctx, r.Name, r.options(), g)
		if err != nil {
			return rewards, fmt.Errorf("%s: rewards[%d] (%s): %w", o.Settings, i, r.Name, err)
		}
		rewards = append(rewards, one)
	}
	return rewards, nil
}

// options are a reward of the file as flags.
func (r servedReward) options() scoreOptions {
	var o scoreOptions
	f := pflag.NewFlagSet(r.Name, pflag.ContinueOnError)
	o.addScoring(f)
	o.task, o.heldOut = nil, nil
	for to, text := range map[*string]string{&o.Task: r.Task, &o.Reward: r.Reward, &o.Parent: r.Parent, &o.Embedder: r.Embedder, &o.File: r.Config} {
		if text != "" {
			*to = text
		}
	}
	o.Set, o.Data.Map, o.Data.SplitSeed, o.Data.Limit = r.Set, r.Map, r.SplitSeed, r.Limit
	if r.HeldOut > 0 {
		o.Data.HeldOut = r.HeldOut
	}
	return o
}

// openServed makes one reward.
func openServed(ctx context.Context, name string, o scoreOptions, g *globalOptions) (serve.Reward, error) {
	o.lines = true
	s, err := o.open(ctx, g)
	if err != nil {
		return serve.Reward{}, err
	}
	if s.groups {
		g.Log.Warn("the reward compares the answers to one prompt: only /v1/reward, which brings them together, can give it", "reward", name)
	}
	return serve.Reward{
		Name: name, Task: s.task, Model: s.model, References: s.known, Match: s.match,
		Close: func() { tellJudged(s.scorers, s.model.Spec(), g); s.close() },
	}, nil
}

// stopTime is how long what was asked may take once the server is to end.
const stopTime = 3 * time.Minute

func runServe(ctx context.Context, o *serveOptions, g *globalOptions) error {
	f, err := o.file()
	if err != nil {
		return err
	}
	var tokens *serve.Tokens
	if o.Tokens != "" {
		if tokens, err = serve.ReadTokens(o.Tokens); err != nil {
			return err
		}
	}
	if err := o.mayListen(tokens); err != nil {
		return err
	}
	certificate, err := o.certificate()
	if err != nil {
		return err
	}
	open := func(ctx context.Context) ([]serve.Reward, error) { return o.open(ctx, g) }
	s, err := serve.New(ctx, serve.Options{Settings: f.Settings, Open: open, Tokens: tokens, TLS: certificate.config(), Log: g.Log})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return inputErrorf("--listen: %v", err)
	}
	stop := onHangup(func() {
		pair, err := certificate.read()
		if err == nil {
			err = s.Reload(ctx)
		}
		if err != nil {
			g.Log.Error("not reloaded, all stays as it was", "error", err)
			return
		}
		certificate.set(pair)
		g.Log.Info("reloaded")
	})
	defer stop()
	if err := o.announce(l, g); err != nil {
		return err
	}
	return s.Serve(ctx, l, stopTime)
}

// announce says where the server listens.
func (o *serveOptions) announce(l net.Listener, g *globalOptions) error {
	scheme := "http"
	if o.TLSCert != "" {
		scheme = "https"
	}
	url := scheme + "://" + l.Addr().String()
	g.Log.Info("listening", "url", url)
	if g.JSON {
		return g.printJSON(struct {
			URL string `json:"url"`
		}{url})
	}
	return nil
}

// mayListen refuses an address beyond this machine where everybody could ask.
func (o *serveOptions) mayListen(tokens *serve.Tokens) error {
	host, _, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return inputErrorf("--listen: must be ADDRESS:PORT or :PORT (got %q)", o.Listen)
	}
	ip := net.ParseIP(host)
	if host == "localhost" || ip != nil && ip.IsLoopback() || tokens != nil || o.Insecure {
		return nil
	}
	return inputErrorf("--listen: must be an address of this machine alone, such as 127.0.0.1:8900, unless --tokens names a file of bearer tokens or --insecure is given (got %q)", o.Listen)
}

// certificate is read again at SIGHUP; nil = no TLS.
type certificate struct {
	cert, key string
	now       atomic.Pointer[tls.Certificate]
}

// certificate reads the certificate, if any.
func (o *serveOptions) certificate() (*certificate, error) {
	if (o.TLSCert == "") != (o.TLSKey == "") {
		return nil, inputErrorf("--tls-cert and --tls-key: must be given together")
	}
	if o.TLSCert == "" {
		return nil, nil
	}
	c := &certificate{cert: o.TLSCert, key: o.TLSKey}
	pair, err := c.read()
	c.set(pair)
	return c, err
}

// read reads the files; what it returns counts from set on.
func (c *certificate) read() (*tls.Certificate, error) {
	if c == nil {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return nil, inputErrorf("--tls-cert: %v", err)
	}
	return &pair, nil
}

// set replaces the certificate.
func (c *certificate) set(pair *tls.Certificate) {
	if c != nil {
		c.now.Store(pair)
	}
}

// config is that of the listener.
func (c *certificate) config() *tls.Config {
	if c == nil {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.now.Load(), nil }}
}
