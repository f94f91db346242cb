package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Ray runs each shard as a job of its own, by the job submission of the dashboard of a Ray
// cluster (https://docs.ray.io/en/latest/cluster/running-applications/job-submission/rest.html).
// The nodes must have one file system.
type Ray struct {
	Address string // http://HOST:8265
	Token   string // of Ray's token authentication; "" = none
}

// rayRequest is the body of POST /api/jobs/. The server makes the id.
type rayRequest struct {
	Entrypoint string            `json:"entrypoint"` // a line of a shell
	CPUs       int               `json:"entrypoint_num_cpus,omitempty"`
	Memory     int64             `json:"entrypoint_memory,omitempty"` // bytes
	Metadata   map[string]string `json:"metadata"`
}

// The metadata by which a job is found again.
const (
	rayStudy = "pgsrm_study"
	rayShard = "pgsrm_shard"
)

// rayJob is one of the jobs of GET /api/jobs/.
type rayJob struct {
	ID       string            `json:"submission_id"`
	Status   string            `json:"status"`
	Started  int64             `json:"start_time"` // ms
	Metadata map[string]string `json:"metadata"`
}

// request is that of one shard.
func (Ray) request(j Job, shard int) rayRequest {
	of := fmt.Sprintf("%d/%d", shard, j.Shards)
	return rayRequest{
		Entrypoint: "cd " + quote(j.Workdir) + " && exec " + j.command(of),
		CPUs:       j.CPUs, Memory: int64(j.Memory) << 20,
		Metadata: map[string]string{rayStudy: j.Name(), rayShard: of},
	}
}

// Print implements System: a request on each line.
func (r Ray) Print(j Job) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for i := range j.Shards {
		if err := enc.Encode(r.request(j, i+1)); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// Submit implements System.
func (r Ray) Submit(ctx context.Context, j Job) ([]Shard, error) {
	all, err := r.Status(ctx, j)
	if err != nil {
		return nil, err
	}
	shards := idle(all)
	if len(shards) == 0 {
		return nil, errActive
	}
	for i, s := range shards {
		body, err := json.Marshal(r.request(j, s.Index))
		if err != nil {
			return nil, err
		}
		var reply struct {
			ID string `json:"submission_id"`
		}
		if err := r.call(ctx, http.MethodPost, body, &reply); err != nil {
			return nil, fmt.Errorf("shard %d/%d, after %d that were submitted: %w", s.Index, j.Shards, i, err)
		}
		shards[i] = Shard{Index: s.Index, State: Waiting, ID: reply.ID}
	}
	return shards, nil
}

// Status implements System.
func (r Ray) Status(ctx context.Context, j Job) ([]Shard, error) {
	var jobs []rayJob
	if err := r.call(ctx, http.MethodGet, nil, &jobs); err != nil {
		return nil, err
	}
	slices.SortStableFunc(jobs, func(a, b rayJob) int { return int(min(1, max(-1, a.Started-b.Started))) })
	shards := absent(j)
	for _, job := range jobs {
		index, of, _ := strings.Cut(job.Metadata[rayShard], "/")
		i, err := strconv.Atoi(index)
		if job.Metadata[rayStudy] == j.Name() && err == nil && of == strconv.Itoa(j.Shards) {
			fill(shards, []Shard{{Index: i, State: rayState(job.Status), ID: job.ID, Word: job.Status}})
		}
	}
	return shards, nil
}

// rayState is a state in our words.
func rayState(word string) State {
	switch word {
	case "PENDING":
		return Waiting
	case "RUNNING":
		return Running
	case "SUCCEEDED":
		return Done
	}
	return Failed // FAILED, STOPPED
}

// Bounds of what the server may take and say.
const (
	rayTime  = time.Minute
	rayReply = 64 << 20
)

// call asks the server; redirects are not followed.
func (r Ray) call(ctx context.Context, method string, body []byte, reply any) error {
	address := strings.TrimSuffix(r.Address, "/") + "/api/jobs/"
	if u, err := url.Parse(address); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return fmt.Errorf("ray: the address must be http://HOST:PORT or https:// (got %.200q)", r.Address)
	}
	ctx, cancel := context.WithTimeout(ctx, rayTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("ray: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	if r.Token != "" {
		req.Header.Set("Authorization", "Bearer "+r.Token)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("ray: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, rayReply+1))
	switch {
	case err != nil:
		return fmt.Errorf("ray: %w", err)
	case len(text) > rayReply:
		return fmt.Errorf("ray: %s answers with more than %d MiB", address, rayReply>>20)
	case resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusForbidden:
		return fmt.Errorf("ray: %s answers %s: RAY_AUTH_TOKEN must be the token of the cluster", address, resp.Status)
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("ray: %s answers %s: %.300s", address, resp.Status, text)
	}
	if err := json.Unmarshal(text, reply); err != nil {
		return fmt.Errorf("ray: %s must answer as the job submission of Ray: %w", address, err)
	}
	return nil
}
