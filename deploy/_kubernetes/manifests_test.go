// Package manifests reads the manifests with the types of Kubernetes, strictly: an unknown or
// doubled field, or one of another type, is an error. It is a module of its own, so that pgsrm
// does not depend on Kubernetes; .ci/run tests it.
package manifests

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// kinds are those that the manifests may have.
var kinds = map[string]func() any{
	"v1 Namespace":                           func() any { return &core.Namespace{} },
	"v1 ConfigMap":                           func() any { return &core.ConfigMap{} },
	"v1 Service":                             func() any { return &core.Service{} },
	"apps/v1 Deployment":                     func() any { return &apps.Deployment{} },
	"autoscaling/v2 HorizontalPodAutoscaler": func() any { return &autoscaling.HorizontalPodAutoscaler{} },
	"batch/v1 Job":                           func() any { return &batch.Job{} },
	"policy/v1 PodDisruptionBudget":          func() any { return &policy.PodDisruptionBudget{} },
	"networking.k8s.io/v1 NetworkPolicy":     func() any { return &networking.NetworkPolicy{} },
}

func TestManifests(t *testing.T) {
	paths, err := filepath.Glob("../kubernetes/*.yaml")
	if err != nil || len(paths) < 8 {
		t.Fatalf("got %q, %v", paths, err)
	}
	paths = append(paths, "../../study/cluster/testdata/kubernetes.yaml") // what pgsrm study --on kubernetes prints
	seen := map[string]bool{}
	for _, path := range paths {
		if filepath.Base(path) == "kustomization.yaml" {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range bytes.Split(text, []byte("\n---\n")) {
			var kind meta.TypeMeta
			if err := yaml.Unmarshal(part, &kind); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			name := kind.APIVersion + " " + kind.Kind
			make := kinds[name]
			if make == nil {
				t.Errorf("%s: unknown kind %q", path, name)
				continue
			}
			seen[name] = true
			if err := yaml.UnmarshalStrict(part, make()); err != nil {
				t.Errorf("%s: %s: %v", path, name, err)
			}
		}
	}
	for name := range kinds {
		if !seen[name] {
			t.Errorf("no manifest is a %s", name)
		}
	}
}
