package reward_test

import (
	"context"
	"fmt"
	"log"

	"pgsrm/embed"
	"pgsrm/reward"
	"pgsrm/task"
)

// Scoring answers by a reward that is calibrated on a task.
func ExampleModel_Score() {
	ctx := context.Background()
	colors, err := task.Builtin("colors")
	if err != nil {
		log.Fatal(err)
	}
	answers := map[string]string{} // the parent's: here those of the task
	for _, item := range colors.Items {
		answers[item.ID] = item.Reference
	}
	e, err := embed.Open("builtin", embed.Options{})
	if err != nil {
		log.Fatal(err)
	}
	spec, err := reward.ParseSpec("exact + 0.3*centered")
	if err != nil {
		log.Fatal(err)
	}
	m, err := reward.New(ctx, spec, colors, answers, e, nil)
	if err != nil {
		log.Fatal(err)
	}
	scores := m.Score(ctx, []reward.Sample{
		{Response: "purple", Reference: "purple"},
		{Response: "violet", Reference: "purple"},
		{Response: "table", Reference: "purple"},
	})
	for _, s := range scores {
		if s.Err != nil {
			log.Fatal(s.Err)
		}
	}
	fmt.Println("right over near:", scores[0].Reward > scores[1].Reward, "- near over far:", scores[1].Reward > scores[2].Reward)
	// Output: right over near: true - near over far: true
}
