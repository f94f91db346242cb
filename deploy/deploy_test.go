// Package deploy_test holds what deploy has against the binary: flags, settings, ports, paths,
// names of metrics.
package deploy_test

import (
	"debug/elf"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"pgsrm/serve/servetest"
)

// port is where everything asks for rewards.
const port = "8900"

func TestMain(m *testing.M) { servetest.Main(m) }

// read is a file of deploy or of the project.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// serve runs the arguments of a service on a free port of this machine, with the settings in
// the place of the file they name, and returns the address.
func serve(t *testing.T, args []string, settings string) (url string, server *exec.Cmd) {
	t.Helper()
	args = slices.Clone(args)
	for i, a := range args[:len(args)-1] {
		switch a {
		case "--settings":
			args[i+1] = filepath.Join(t.TempDir(), "serve.yaml")
			if err := os.WriteFile(args[i+1], []byte(settings), 0o600); err != nil {
				t.Fatal(err)
			}
		case "--listen":
			if !strings.HasSuffix(args[i+1], ":"+port) {
				t.Errorf("%q: must listen on port %s", args, port)
			}
			args[i+1] = "127.0.0.1:0"
		}
	}
	return servetest.Start(t, args...)
}

// get is a page of the server, which must be there.
func get(t *testing.T, url string) string {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != 200 {
		t.Fatalf("%s: %d, %v", url, r.StatusCode, err)
	}
	return string(text)
}

// manifest is the object of a kind and name among the manifests.
func manifest(t *testing.T, kind, name string) object {
	t.Helper()
	paths, err := filepath.Glob("kubernetes/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		docs := yaml.NewDecoder(strings.NewReader(read(t, path)))
		for {
			var o map[string]any
			if err := docs.Decode(&o); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if at := (object{t, o}); o["kind"] == kind && at.at("metadata.name") == name {
				return at
			}
		}
	}
	t.Fatalf("no %s %s", kind, name)
	return object{}
}

// object is a manifest.
type object struct {
	t     *testing.T
	value any
}

// at follows names and numbers of members, which must be there.
func (o object) at(path string) any {
	o.t.Helper()
	v := o.value
	for name := range strings.SplitSeq(path, ".") {
		var next any
		switch in := v.(type) {
		case map[string]any:
			next = in[name]
		case []any:
			var k int
			if _, err := fmt.Sscan(name, &k); err == nil && k < len(in) {
				next = in[k]
			}
		}
		if next == nil {
			o.t.Fatalf("%s: there is no %s", path, name)
		}
		v = next
	}
	return v
}

// Every file of kubernetes is in the kustomization and the other way round.
func TestKustomization(t *testing.T) {
	var k struct {
		APIVersion, Kind, Namespace string
		Resources                   []string
		Images                      []struct{ Name, NewTag string }
	}
	if err := yaml.Unmarshal([]byte(strings.NewReplacer("apiVersion", "apiversion", "newTag", "newtag").Replace(read(t, "kubernetes/kustomization.yaml"))), &k); err != nil {
		t.Fatal(err)
	}
	paths, _ := filepath.Glob("kubernetes/*.yaml")
	var want []string
	for _, path := range paths {
		if name := filepath.Base(path); name != "kustomization.yaml" {
			want = append(want, name)
		}
	}
	slices.Sort(k.Resources)
	if !slices.Equal(k.Resources, want) {
		t.Errorf("resources: got %q, want %q", k.Resources, want)
	}
	image := manifest(t, "Deployment", "pgsrm").at("spec.template.spec.containers.0.image")
	if len(k.Images) != 1 || k.Images[0].Name != image {
		t.Errorf("images: got %+v, want one of %q", k.Images, image)
	}
}

// The Deployment starts the server with its settings, and its probes are answered.
func TestDeployment(t *testing.T) {
	d := manifest(t, "Deployment", "pgsrm")
	c := object{t, d.at("spec.template.spec.containers.0")}
	var args []string
	for _, a := range c.at("args").([]any) {
		args = append(args, a.(string))
	}
	settings := manifest(t, "ConfigMap", "pgsrm-settings").at("data").(map[string]any)["serve.yaml"].(string)
	url, _ := serve(t, args, settings)
	for _, probe := range []string{"readinessProbe", "livenessProbe", "startupProbe"} {
		get(t, url+c.at(probe+".httpGet.path").(string))
		if name := c.at(probe + ".httpGet.port"); name != c.at("ports.0.name") {
			t.Errorf("%s: asks port %v", probe, name)
		}
	}
	annotations := d.at("spec.template.metadata.annotations").(map[string]any)
	get(t, url+annotations["prometheus.io/path"].(string))
	service, network := manifest(t, "Service", "pgsrm"), manifest(t, "NetworkPolicy", "pgsrm")
	for what, got := range map[string]any{
		"containerPort": c.at("ports.0.containerPort"), "annotation": annotations["prometheus.io/port"],
		"Service": service.at("spec.ports.0.port"), "NetworkPolicy": network.at("spec.ingress.0.ports.0.port"),
	} {
		if fmt.Sprint(got) != port {
			t.Errorf("%s: got port %v, want %s", what, got, port)
		}
	}
	if got := service.at("spec.ports.0.targetPort"); got != c.at("ports.0.name") {
		t.Errorf("targetPort: got %v", got)
	}
	labels := fmt.Sprint(d.at("spec.template.metadata.labels"))
	for _, selector := range []any{d.at("spec.selector.matchLabels"), service.at("spec.selector"), network.at("spec.podSelector.matchLabels"),
		manifest(t, "PodDisruptionBudget", "pgsrm").at("spec.selector.matchLabels")} {
		if fmt.Sprint(selector) != labels {
			t.Errorf("selector: got %v, want %s", selector, labels)
		}
	}
	// serve ends within three minutes.
	if got := d.at("spec.template.spec.terminationGracePeriodSeconds").(int) - c.at("lifecycle.preStop.sleep.seconds").(int); got < 185 {
		t.Errorf("terminationGracePeriodSeconds: leaves %d s", got)
	}
	cache := manifest(t, "Service", "pgsrm-cache")
	if got, want := c.at("env.0.value"), fmt.Sprintf("redis://%s:%v/0", cache.at("metadata.name"), cache.at("spec.ports.0.port")); got != want {
		t.Errorf("PGSRM_CACHE: got %v, want %s", got, want)
	}
}

// The image runs the static binary as the user of the Deployment and names the port.
func TestImage(t *testing.T) {
	text := read(t, "../Dockerfile")
	user := manifest(t, "Deployment", "pgsrm").at("spec.template.spec.securityContext.runAsUser")
	for _, want := range []string{"\nFROM scratch\n", "CGO_ENABLED=0 go build", fmt.Sprintf("\nUSER %[1]v:%[1]v\n", user), "\nEXPOSE " + port + "\n", `ENTRYPOINT ["/usr/local/bin/pgsrm"]`} {
		if !strings.Contains(text, want) {
			t.Errorf("Dockerfile must have %q", want)
		}
	}
	if runtime.GOOS != "linux" {
		return
	}
	f, err := elf.Open(servetest.Binary(t))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if libraries, err := f.ImportedLibraries(); err != nil || len(libraries) > 0 || slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		t.Errorf("the binary is not static: %q, %v", libraries, err)
	}
}

// The unit starts the server; systemd itself finds nothing to complain of.
func TestUnit(t *testing.T) {
	unit := read(t, "pgsrm-serve.service")
	command := regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/pgsrm (.*)$`).FindStringSubmatch(unit)
	if command == nil {
		t.Fatal("there is no ExecStart")
	}
	serve(t, strings.Fields(command[1]), read(t, "serve.yaml"))
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze here: the unit was started by hand only")
	}
	path := filepath.Join(t.TempDir(), "pgsrm-serve.service")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(unit, "/usr/local/bin/pgsrm", servetest.Binary(t))), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(analyze, "verify", "--man=no", path).CombinedOutput()
	if err != nil || strings.Contains(string(out), "pgsrm-serve.service:") {
		t.Errorf("systemd-analyze: %v\n%s", err, out)
	}
}

// Every metric that the dashboard and the autoscaler ask for is one of the server, with the
// labels they use.
func TestMetrics(t *testing.T) {
	url, server := serve(t, []string{"serve", "--settings", "/etc/pgsrm/serve.yaml", "--listen", ":" + port}, read(t, "serve.yaml"))
	r, err := http.Post(url+"/v1/reward", "application/json", strings.NewReader(`{"samples":[{"prompt":"p","response":"a","reference":"b"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	reloads := hangup(server, func() bool { return strings.Contains(get(t, url+"/metrics"), "pgsrm_reloads_total{") })
	has := get(t, url+"/metrics")
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	dashboard := read(t, "grafana.json")
	if err := json.Unmarshal([]byte(dashboard), &board); err != nil {
		t.Fatal(err)
	}
	if len(board.Panels) < 10 {
		t.Errorf("got %d panels", len(board.Panels))
	}
	texts := map[string]string{"prometheus-adapter.yaml": read(t, "prometheus-adapter.yaml"), "autoscaler": fmt.Sprint(manifest(t, "HorizontalPodAutoscaler", "pgsrm").at("spec.metrics.0.pods.metric.name"))}
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			texts[p.Title] += target.Expr + "\n"
		}
	}
	name := regexp.MustCompile(`\b(pgsrm|process|go)_[a-z_]+`)
	label := regexp.MustCompile(`by \(([a-z, ]+)\)|\b(outcome|route|status|reward)=`)
	for where, text := range texts {
		names := name.FindAllString(text, -1)
		if len(names) == 0 {
			t.Errorf("%s: asks for no metric: %q", where, text)
		}
		for _, n := range names {
			if n == "pgsrm_reloads_total" && !reloads {
				continue // no SIGHUP here
			}
			lines := regexp.MustCompile(`(?m)^`+n+`(\{.*)? .*$`).FindAllString(has, -1)
			if len(lines) == 0 {
				t.Errorf("%s: the server has no metric %s", where, n)
				continue
			}
			for _, m := range label.FindAllStringSubmatch(text, -1) {
				for l := range strings.SplitSeq(m[1]+m[2], ", ") {
					if !strings.Contains(lines[0], l+`="`) {
						t.Errorf("%s: %s has no label %s: %s", where, n, l, lines[0])
					}
				}
			}
		}
	}
}

// Flags of serve and routes in the guides are those of the binary.
func TestGuides(t *testing.T) {
	help, err := exec.Command(servetest.Binary(t), "serve", "--help").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	url, _ := serve(t, []string{"serve", "--reward", "exact", "--listen", ":" + port}, "")
	openapi := get(t, url+"/openapi.json")
	flag, route := regexp.MustCompile(`--[a-z-]+`), regexp.MustCompile(`REWARD(/[a-z0-9/]+)`)
	flags, routes := 0, 0
	for _, path := range []string{"../docs/engines.md", "README.md", "../Dockerfile", "../python/pgsrm_reward/README.md"} {
		for line := range strings.Lines(read(t, path)) {
			if _, args, ok := strings.Cut(line, "pgsrm serve --"); ok {
				for _, f := range flag.FindAllString("--"+args, -1) {
					if flags++; !strings.Contains(string(help), f+" ") {
						t.Errorf("%s: serve has no flag %s", path, f)
					}
				}
			}
			for _, m := range route.FindAllStringSubmatch(line, -1) {
				if routes++; !strings.Contains(openapi, `"`+m[1]+`"`) {
					t.Errorf("%s: there is no route %s", path, m[1])
				}
			}
		}
	}
	if flags < 10 || routes < 3 {
		t.Errorf("found %d flags and %d routes", flags, routes)
	}
}
