package serve

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgsrm/chart/charttest"
)

// The page is whole in every view, shows what was asked, scores an answer and says why one
// has no reward.
func TestPageInABrowser(t *testing.T) {
	s := start(t, nil, fixture(t, "default", "pgsrm", nil), fixture(t, "a-second-reward.with-a-long-name", "0.5*exact + 0.5*centered(no_clip)", nil))
	b := charttest.Open(t, 4*time.Minute, s.url)
	for i := range 50 {
		s.post(t, "/slime", fmt.Sprintf(`{"prompt":"p","response":"%s","label":"cold"}`, []string{"cold", "cool", "warm", strings.Repeat("w", i)}[i%4]))
	}
	for _, v := range charttest.Views {
		b.View(v)
		b.Go(s.url + "/")
		b.Wait(`document.querySelectorAll(".reward").length === 2 && document.querySelector(".reward").textContent.includes("50 scored")`)
		b.Run(`{
			const fill = (id, text) => { document.getElementById(id).value = text; };
			fill("name", "a-second-reward.with-a-long-name"); fill("prompt", "p"); fill("response", "cold"); fill("reference", "` + strings.Repeat("long", 60) + `");
			document.querySelector("#try button").click();
		}`)
		b.Wait(`document.querySelector("#result td")`)
		b.Audit(v.Name, v)
		b.Clean(v.Name)
		b.Picture("serve-" + v.Name)
	}
	b.Run(`{
		document.getElementById("reference").value = "";
		document.querySelector("#try button").click();
	}`)
	b.Wait(`document.querySelector("#result .bad")?.textContent.includes("no answer to this prompt")`)
	b.Clean("an answer without a reference")
}
