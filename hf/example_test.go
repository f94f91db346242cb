package hf_test

import (
	"context"
	"fmt"
	"log"

	"pgsrm/hf"
)

// Loading the embedded child; hf.Load takes the folder of any other.
func ExampleLoadBuiltin() {
	m, err := hf.LoadBuiltin("tiny")
	if err != nil {
		log.Fatal(err)
	}
	prompt := m.Tokenizer.Encode("The opposite of 'hot' is ")
	answers, err := m.Greedy(context.Background(), [][]int32{prompt}, 2, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Config.Layers, "layers,", m.Config.Width, "wide,", len(answers), "answer of", len(answers[0].Tokens) > 0)
	// Output: 4 layers, 128 wide, 1 answer of true
}
