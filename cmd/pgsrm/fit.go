package main

import (
	"bufio"
	"io"
	"os"
	"strings"

	"pgsrm/internal/printable"
)

// usualWidth is taken for a terminal that does not say how wide it is.
const usualWidth = 80

// widthOf is the number of columns of a terminal; 0 for what is none.
func widthOf(w io.Writer) int {
	if !isTerminal(w) {
		return 0
	}
	if n := columnsOf(w.(*os.File)); n > 0 {
		return n
	}
	return usualWidth
}

// cell is a text from outside as one that stands in a line of a table.
func cell(text string) string {
	return printable.Text(strings.Join(strings.Fields(text), " "))
}

// column is one of a table.
type column struct {
	title string
	right bool // of numbers
	cut   bool // may be made narrower
	rank  int  // the highest is left out first where there is no room; 0 = never
	cells []string
}

// least is how narrow a column may get.
const least = 12

// width is that of the widest cell.
func (c *column) width() int {
	n := printable.Width(c.title)
	for _, text := range c.cells {
		n = max(n, printable.Width(text))
	}
	return n
}

// fit chooses the columns and widths of a table of at most so many columns of a
// terminal, 0 = any number.
func fit(columns []column, terminal int) ([]column, []int) {
	for {
		widths := make([]int, len(columns))
		total := 2 * (len(columns) - 1)
		for i := range columns {
			widths[i] = columns[i].width()
			total += widths[i]
		}
		for terminal > 0 && total > terminal {
			widest := -1
			for i, c := range columns {
				if c.cut && widths[i] > least && (widest < 0 || widths[i] > widths[widest]) {
					widest = i
				}
			}
			if widest < 0 {
				break
			}
			widths[widest]--
			total--
		}
		out := -1
		for i, c := range columns {
			if c.rank > 0 && (out < 0 || c.rank > columns[out].rank) {
				out = i
			}
		}
		if terminal == 0 || total <= terminal || out < 0 {
			return columns, widths
		}
		columns = append(append([]column{}, columns[:out]...), columns[out+1:]...)
	}
}

// printTable prints a table that fits a terminal. Columns without any text are left out.
func printTable(w io.Writer, columns []column, terminal int) error {
	var some []column
	for _, c := range columns {
		if strings.Join(c.cells, "") != "" {
			some = append(some, c)
		}
	}
	some, widths := fit(some, terminal)
	out := bufio.NewWriter(w)
	line := func(text func(c column) string) {
		var b strings.Builder
		for i, c := range some {
			t := printable.Shorten(text(c), widths[i])
			pad := strings.Repeat(" ", widths[i]-printable.Width(t))
			if c.right {
				t, pad = pad+t, ""
			}
			b.WriteString(t + pad + "  ")
		}
		out.WriteString(strings.TrimRight(b.String(), " ") + "\n")
	}
	line(func(c column) string { return c.title })
	for row := range some[0].cells {
		line(func(c column) string { return c.cells[row] })
	}
	return out.Flush()
}
