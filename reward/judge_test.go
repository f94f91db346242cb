package reward

import (
	"errors"
	"testing"

	"pgsrm/judge"
	"pgsrm/remote/remotetest"
)

// The ways to write a judge, and its plainest form, which reads back as itself.
func TestTermJudge(t *testing.T) {
	const plain = `judge("openai:m@http://h:1/v1"`
	for in, want := range map[string]string{
		`judge(openai:m@http://h:1/v1)`:                                         plain + `)`,
		`judge( openai:m@http://h:1/v1 , mode = pairwise )`:                     plain + `, mode="pairwise")`,
		`judge('openai:m@http://h:1/v1', scale=5, rubric=Is it short, or not?)`: ``,
		`judge(openai:m@http://h:1/v1, scale=5, rubric="Is it short, or not?")`: plain + `, scale=5, rubric="Is it short, or not?")`,
		`judge(openai:m@http://h:1/v1, rubric=Brief (very)?, scale=5)`:          plain + `, scale=5, rubric="Brief (very)?")`,
		`judge(openai:m@http://h:1/v1, rubric='Mind "it": {response}')`:         plain + `, rubric='Mind "it": {response}')`,
		`judge(openai:m@http://h:1/v1, rubric=file:a/b.txt)`:                    plain + `, rubric="file:a/b.txt")`,
		`0.5*moved + 0.5*judge(openai:m@http://h:1/v1)`:                         `0.5*moved + 0.5*` + plain + `)`,
	} {
		spec, err := ParseSpec(in)
		if want == "" {
			if err == nil {
				t.Errorf("%s: got %s", in, spec.Formula)
			}
			continue
		}
		if err != nil || spec.Formula != want {
			t.Errorf("%s: got %s, %v, want %s", in, spec.Formula, err, want)
			continue
		}
		if again, err := ParseSpec(spec.Formula); err != nil || again.Formula != want {
			t.Errorf("%s reads back as %s, %v", want, again.Formula, err)
		}
		if lo, hi := spec.Range(); lo != 0 || hi != 1 || !spec.Remote() || len(spec.Commands()) > 0 {
			t.Errorf("%s: got %v to %v", in, lo, hi)
		}
	}
}

func TestBadJudges(t *testing.T) {
	for in, want := range map[string]string{
		`judge`:                                       `reward.judge.text: must be given, as in judge("...") (got "")`,
		`judge(mode=pairwise)`:                        `reward.judge.text: must be given, as in judge("...") (got "")`,
		`judge(gpt-4o)`:                               `reward.judge.text: must be openai:MODEL@URL or openai:MODEL (got "gpt-4o")`,
		`judge(openai:m@http://h, mode=best)`:         `reward.judge.mode: must be absolute or pairwise (got "best")`,
		`judge(openai:m@http://h, mode=)`:             `reward.judge.mode: must not be empty (got "")`,
		`judge(openai:m@http://h, rubric="")`:         `reward.judge.rubric: must not be empty (got "")`,
		`judge(openai:m@http://h, rubric="{prompt}")`: `reward.judge.rubric: a template must hold {response} (got "{prompt}")`,
		`judge(openai:m@http://h, scale=0)`:           `reward.judge.scale: must be above 0 (got 0)`,
		`judge(openai:m@http://h, scale=1000)`:        `reward.judge.scale: must be between 0 and 100 (got 1000)`,
		`judge(openai:m@http://h, scale=x)`:           `reward: must have a number at character 32 (got "x)")`,
		`judge(openai:m@http://h, best)`:              `reward: must have a parameter mode=absolute, mode=pairwise, rubric=TEXT or scale=N at character 26 (got "best)")`,
		`judge(openai:m@http://h, alpha=2)`:           `reward.judge.alpha: must not be set for judge (got 2)`,
		`judge(openai:m@http://h, beta=2)`:            `reward: parameter must be mode=absolute, mode=pairwise, rubric=TEXT or scale=N (got "beta")`,
		`cosine(mode=pairwise)`:                       `reward: parameter must be alpha=X, tau=X, m0=X, tol=X, target=X or no_clip (got "mode")`,
		`contains("a", rubric=b)`:                     `reward: parameter must be alpha=X, tau=X, m0=X, tol=X, target=X or no_clip (got "rubric")`,
		`contains(scale=2)`:                           ``, // a text
	} {
		if _, err := ParseSpec(in); (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%s: got %v\nwant %s", in, err, want)
		}
	}
}

// A judge is asked about the whole response beside terms of the answer alone; without its
// verdict a sample has no reward, and what says nothing is not judged.
func TestJudgeScores(t *testing.T) {
	s := remotetest.New(t, remotetest.Talk(func(turns []string) string { return "Fine.\nRating: 3" }))
	spec, err := ParseSpec("0.5*exact + 0.5*judge(openai:m@" + s.URL() + ", scale=5)")
	if err != nil {
		t.Fatal(err)
	}
	scorers, err := spec.OpenScorers(nil, ScorerOptions{Judge: judge.DefaultSettings(), Remote: remotetest.NewClock().Deps(nil)})
	if err != nil {
		t.Fatal(err)
	}
	defer scorers.Close()
	m, err := New(t.Context(), spec, mixing, answers, nil, nil, scorers...)
	if err != nil {
		t.Fatal(err)
	}
	got := m.Score(t.Context(), []Sample{{Prompt: "say one", Response: "red", Reference: "red"}, {Prompt: "say one", Response: " ", Reference: "red"}, {Prompt: "say one", Response: "blue", Reference: "red"}})
	if got[0].Reward != 0.75 || got[1].Reward != 0 || got[2].Reward != 0.25 || s.Requests() != 2 {
		t.Errorf("got %v with %d requests", got, s.Requests())
	}
	if v := scorers.Values(spec); v["judge/requests"] != 2 || v["judge/tokens_sent"] != 20 {
		t.Errorf("got %v", v)
	}
	s.Always(remotetest.Status(401, "x"))
	if got := m.Score(t.Context(), []Sample{{Prompt: "say one", Response: "pink", Reference: "red"}})[0]; !errors.Is(got.Err, ErrOwn) {
		t.Errorf("got %v", got)
	}
}
