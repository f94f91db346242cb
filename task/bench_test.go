package task

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkLoad reads rows of about 200 bytes; one operation is a row.
func BenchmarkLoad(b *testing.B) {
	for _, format := range []string{".jsonl", ".csv"} {
		b.Run(format, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "rows"+format)
			f, err := os.Create(path)
			if err != nil {
				b.Fatal(err)
			}
			w := bufio.NewWriter(f)
			line := "{\"question\":\"What is %d and what else is there to be known of it, if one asks at some length?\",\"answer\":\"It is %d, which is all that there is to say.\",\"level\":%d}\n"
			if format == ".csv" {
				fmt.Fprintln(w, "question,answer,level")
				line = "\"What is %d and what else is there to be known of it, if one asks at some length?\",\"It is %d, which is all that there is to say.\",%d\n"
			}
			for i := range b.N {
				fmt.Fprintf(w, line, i, i*i, i%5)
			}
			if err := w.Flush(); err != nil {
				b.Fatal(err)
			}
			f.Close()
			b.ReportAllocs()
			b.ResetTimer()
			if k, err := Load(path, DefaultOptions()); err != nil || len(k.Items) != b.N {
				b.Fatal(err)
			}
		})
	}
}
