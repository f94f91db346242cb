package main

import (
	"context"
	"errors"
	"fmt"

	"pgsrm/remote"
	"pgsrm/reward"
	"pgsrm/run"
	"pgsrm/serve/client"
)

// dial makes the scorer that asks a server, and asks it what its reward is.
func (o *scoreOptions) dial(ctx context.Context) (*answerScorer, error) {
	for _, name := range []string{"task", "reward", "parent", "embedder", "config", "set", "map", "held-out", "split-seed", "limit"} {
		if o.flags.Changed(name) {
			return nil, inputErrorf("--%s: must not be given beside --server, whose own counts", name)
		}
	}
	c, err := client.New(o.Server, client.DefaultOptions(), remote.Deps{})
	if err != nil {
		return nil, inputErrorf("--server: %w", err)
	}
	s := &answerScorer{server: c}
	reply, err := s.request(ctx, nil)
	if err != nil {
		return nil, err
	}
	s.terms, s.groups = reply.Terms, reply.Groups
	return s, nil
}

// request asks the server about samples.
func (s *answerScorer) request(ctx context.Context, samples []client.Sample) (*client.Reply, error) {
	reply, err := s.server.Score(ctx, client.Request{Samples: samples})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", run.ErrUnavailable, err)
	}
	return reply, nil
}

// ask fills in what the server says of the lines.
func (s *answerScorer) ask(ctx context.Context, lines []scoreLine) error {
	if len(lines) == 0 {
		return nil
	}
	samples := make([]client.Sample, len(lines))
	for i, l := range lines {
		samples[i] = client.Sample{Prompt: l.sample.Prompt, Response: l.sample.Response, Reference: l.given, Accepted: l.sample.Accepted, Finish: l.finish, Columns: l.sample.Columns}
	}
	reply, err := s.request(ctx, samples)
	if err != nil {
		return err
	}
	for i, r := range reply.Results {
		lines[i].take(r, s.terms)
	}
	return nil
}

// take fills in one result of a server.
func (l *scoreLine) take(r client.Result, terms []string) {
	if l.strict, l.normalized = r.Strict, r.Normalized; l.strict != nil {
		l.drop(exactField, normalizedField)
	}
	if r.Error != nil {
		l.score = reward.Score{Err: errors.New(r.Error.Message)}
		return
	}
	l.score = reward.Score{Reward: *r.Reward, Right: r.Right, Terms: make([]float64, len(terms))}
	for k, name := range terms {
		l.score.Terms[k] = r.Terms[name]
	}
}
