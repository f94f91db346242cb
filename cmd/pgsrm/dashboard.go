package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/dashboard"
	"pgsrm/run"
)

// tokenVariable is the environment variable with the token of the dashboard.
const tokenVariable = "PGSRM_DASHBOARD_TOKEN"

// webhookVariable is the environment variable with the address for alerts, which often is a
// secret.
const webhookVariable = "PGSRM_ALERT_WEBHOOK"

// newDashboardCommand shows runs live.
func newDashboardCommand(g *globalOptions) *cobra.Command {
	var opts dashboardOptions
	cmd := &cobra.Command{
		Use:   "dashboard [DIR]",
		Short: "Watch runs live on a web page",
		Long: `The dashboard command serves a page that shows all runs at or below a folder (default:
runs) while they are trained and after: curves with zoom, smoothing and log axes, groups
with bands, a list with search, sort and differences of configurations, answers, warnings,
failures of sources. It prints the address of the page and runs until Ctrl-C. Runs are only
read: they may start, end, be killed, resumed, moved and deleted meanwhile.

The page is for this machine alone unless --listen says otherwise. Beyond it, or where
` + tokenVariable + ` is set, a token is needed: the value of that variable, or a random
one. The address that is printed has it; other programs send it as a bearer token. Nothing
is encrypted: over a network that is not yours, use ssh -L or a proxy with TLS, and name
the host by which browsers call it with --host.

While it runs, it tells how runs end (finished, failed, interrupted), that one has
collapsed to one answer, and that one has no signal: on stderr, on the page, to
--alert-webhook as JSON in a POST, and to --alert-command as JSON on its input.

With --json the address and then each alert are printed as one object a line.

EXAMPLES
  pgsrm dashboard
  pgsrm dashboard runs/colors --listen 127.0.0.1:9000
  pgsrm dashboard --alert-on failed,finished --alert-command 'notify-send "$PGSRM_ALERT_TEXT"'
  ssh -L 8717:127.0.0.1:8717 HOST pgsrm dashboard runs
` + exitStatusHelp,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "runs"
			if len(args) > 0 {
				dir = args[0]
			}
			return runDashboard(cmd.Context(), opts, g, dir)
		},
	}
	opts.AddFlags(cmd.Flags())
	return cmd
}

// dashboardOptions are the flags of dashboard.
type dashboardOptions struct {
	Listen string
	Hosts  []string
	Alerts dashboard.Alerts
}

// AddFlags adds the flags of dashboard.
func (o *dashboardOptions) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.Listen, "listen", "127.0.0.1:8717", "address to listen on; port 0 takes a free one")
	f.StringSliceVar(&o.Hosts, "host", nil, "further name by which browsers call the server (repeatable)")
	f.StringVar(&o.Alerts.Webhook, "alert-webhook", "", "address that gets alerts as JSON (default: the variable "+webhookVariable+")")
	f.StringVar(&o.Alerts.Command, "alert-command", "", "command of the shell that gets alerts as JSON on its input")
	f.StringSliceVar(&o.Alerts.On, "alert-on", nil, "what is told: finished, failed, interrupted, collapsed, no-signal (default: all)")
}

// runDashboard serves the page until the context ends.
func runDashboard(ctx context.Context, o dashboardOptions, g *globalOptions, dir string) error {
	if _, err := run.Find(dir); err != nil {
		return err
	}
	if o.Alerts.Webhook == "" {
		o.Alerts.Webhook = os.Getenv(webhookVariable)
	}
	if err := o.Alerts.Rules(); err != nil {
		return inputError(err)
	}
	o.Alerts.Tell = g.tellAlert
	host, _, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return inputErrorf("--listen: must be HOST:PORT, as 127.0.0.1:8717 (got %q)", o.Listen)
	}
	token := os.Getenv(tokenVariable)
	if token == "" && !loopback(host) {
		token = randomToken()
	}
	listener, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return inputErrorf("--listen: %w", err)
	}
	watched, stop := context.WithCancel(ctx)
	defer stop()
	if host != "" && net.ParseIP(host) == nil {
		o.Hosts = append(o.Hosts, host)
	} else if name, err := os.Hostname(); err == nil && !loopback(host) {
		o.Hosts = append(o.Hosts, name)
	}
	s := dashboard.New(dir, dashboard.Options{Token: token, Hosts: o.Hosts, Log: g.Log, Alerts: o.Alerts})
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(watched)
	}()
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 1 << 18}
	go func() {
		<-watched.Done()
		server.Close() // streams of events never end by themselves
	}()
	if err := g.tellAddress(listener.Addr(), token); err != nil {
		return err
	}
	err = server.Serve(listener)
	stop()
	<-done
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// tellAlert prints what happened to a run.
func (g *globalOptions) tellAlert(a dashboard.Alert) {
	if g.JSON {
		g.printJSON(a) // where nobody reads it, the page goes on
		return
	}
	g.Log.Info(strings.TrimPrefix(a.Text, "pgsrm: "))
}

// loopback says whether only this machine can call an address.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// randomToken is a token that nobody guesses.
func randomToken() string {
	b := make([]byte, 16)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// tellAddress prints where the page is.
func (g *globalOptions) tellAddress(at net.Addr, token string) error {
	page := url.URL{Scheme: "http", Host: at.String(), Path: "/"}
	if a, ok := at.(*net.TCPAddr); ok && a.IP.IsUnspecified() {
		name, err := os.Hostname()
		if err != nil {
			name = "localhost"
		}
		page.Host = net.JoinHostPort(name, fmt.Sprint(a.Port))
	}
	if token != "" {
		page.RawQuery = url.Values{"token": {token}}.Encode()
	}
	if g.JSON {
		return g.printJSON(struct {
			URL string `json:"url"`
		}{page.String()})
	}
	_, err := fmt.Fprintf(g.Stdout, "dashboard: %s (Ctrl-C ends it)\n", page.String())
	return err
}
