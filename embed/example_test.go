package embed_test

import (
	"context"
	"fmt"
	"log"

	"pgsrm/embed"
)

// Likeness in meaning of two texts, by the embedded embedder. Other sources are
// "file:PATH", a folder of an encoder, or "openai:MODEL@URL".
func ExampleOpen() {
	e, err := embed.Open("builtin", embed.Options{})
	if err != nil {
		log.Fatal(err)
	}
	v := e.Embed(context.Background(), []string{"violet", "purple", "table"})
	for _, r := range v {
		if r.Err != nil {
			log.Fatal(r.Err)
		}
	}
	near, far := embed.Cosine(v[0].Vector, v[1].Vector), embed.Cosine(v[0].Vector, v[2].Vector)
	fmt.Println("violet is nearer to purple than to table:", near > far+0.2)
	// Output: violet is nearer to purple than to table: true
}
