package custom

import (
	"context"
	"errors"
	"strings"

	"pgsrm/remote"
)

// rewardPath is where a server is asked whose URL has no path.
const rewardPath = "/v1/reward"

// server asks a server: a POST for each batch. Waiting, repeating and limits are those of
// package remote.
type server struct {
	client *remote.Client
	most   int // requests in flight
}

// openServer reads the text of a term http. Nothing is sent yet, and errors name no
// secrets.
func openServer(text string, o Options) (*server, error) {
	if !strings.HasPrefix(text, "http://") && !strings.HasPrefix(text, "https://") {
		return nil, errors.New("must be http(URL), the URL beginning with http:// or https://")
	}
	_, url, err := remote.ParseServer("reward@"+text, "", rewardPath)
	if err != nil {
		return nil, err
	}
	client, err := remote.New(url, o.Settings.server(), o.Remote)
	if err != nil {
		return nil, err
	}
	return &server{client, o.Settings.Concurrency}, nil
}

// parallel is how many batches may be asked at once.
func (s *server) parallel() int { return s.most }

// ask gets the rewards of one batch.
func (s *server) ask(ctx context.Context, samples []Sample) (out []Result, err error) {
	req, err := newRequest(0, samples)
	if err != nil {
		return nil, err
	}
	err = s.client.Do(ctx, remote.Call{Body: req, Check: func(reply []byte) (err error) {
		out, err = readReply(reply, 0, len(samples))
		return err
	}})
	return out, err
}

// close closes idle connections.
func (s *server) close() { s.client.Close() }
