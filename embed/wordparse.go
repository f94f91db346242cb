package embed

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxWordLine is the longest line of a file of word vectors, in bytes.
const maxWordLine = 1 << 20

// buildIndex reads a file of word vectors of any form and writes its index. The
// digest in source is filled in here.
func buildIndex(w io.Writer, r io.Reader, source wordSource) error {
	digest := sha256.New()
	raw := io.TeeReader(r, digest)
	unpacked, err := unzipped(bufio.NewReaderSize(raw, 1<<16))
	if err != nil {
		return err
	}
	ahead, stop := readAhead(unpacked)
	p := &wordParser{in: bufio.NewReaderSize(ahead, maxWordLine), out: w}
	err = p.parse()
	stop()
	if err == nil {
		_, err = io.Copy(io.Discard, raw) // what a gzip reader left
	}
	if p.index == nil {
		return err
	}
	source.digest = [32]byte(digest.Sum(nil))
	if err == nil {
		err = p.index.finish(source)
	}
	return errors.Join(err, p.index.behind.close())
}

// unzipped unpacks gzip, told by its first bytes.
func unzipped(in *bufio.Reader) (io.Reader, error) {
	if head, _ := in.Peek(2); !bytes.Equal(head, []byte{0x1f, 0x8b}) {
		return in, nil
	}
	return gzip.NewReader(in)
}

// wordParser reads word vectors and hands each new word to the index.
type wordParser struct {
	in    *bufio.Reader
	out   io.Writer
	index *indexWriter // made once the dimension is known
	dim   int          // E; 0 = not yet known
	count int          // words that the header announces; -1 without one
	found int          // words read, those left out included
	line  int          // under way, from 1
}

// parse reads the header, tells text from binary, and reads all words.
func (p *wordParser) parse() error {
	if err := p.header(); err != nil {
		return err
	}
	each := p.textWords
	if p.binary() {
		each = p.binaryWords
	}
	if err := each(); err != nil {
		return err
	}
	if p.found < p.count {
		return fmt.Errorf("must hold %d words, as its first line says (got %d): is it cut short?", p.count, p.found)
	}
	if p.index == nil {
		return errors.New("must hold at least one word vector")
	}
	return nil
}

// header reads the line "count dim" of word2vec and fastText, if there is one.
func (p *wordParser) header() error {
	p.count = -1
	head, _ := p.in.Peek(64)
	if len(head) >= 4 && binary.LittleEndian.Uint32(head) == 793712314 {
		return errors.New("must be word vectors (got a fastText model: take its .vec file)")
	}
	end := bytes.IndexByte(head, '\n')
	if end < 0 {
		return nil
	}
	fields := strings.Fields(string(head[:end]))
	if len(fields) != 2 {
		return nil
	}
	count, err := strconv.ParseUint(fields[0], 10, 63)
	if err != nil {
		return nil
	}
	dim, err := strconv.ParseUint(fields[1], 10, 63)
	if err != nil {
		return nil
	}
	if count > maxWords || dim < 2 || dim > maxWordDim {
		return fmt.Errorf("line 1: must say at most %d words and 2 to %d numbers for each (got %d and %d)", maxWords, maxWordDim, count, dim)
	}
	p.count, p.line = int(count), 1
	if _, err := p.in.Discard(end + 1); err != nil {
		return err
	}
	return p.begin(int(dim))
}

// begin starts the index.
func (p *wordParser) begin(dim int) (err error) {
	p.dim = dim
	p.index, err = newIndexWriter(p.out, dim)
	return err
}

// binary says whether word2vec's binary form follows the header: where the numbers of
// the first word stand there are bytes that no text has.
func (p *wordParser) binary() bool {
	if p.count < 0 {
		return false
	}
	head, _ := p.in.Peek(min(4*p.dim+256, p.in.Size()))
	word := bytes.IndexByte(head, ' ')
	numbers := wholeRunes(head[word+1 : min(len(head), word+1+4*p.dim)])
	control := func(c rune) bool { return c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == utf8.RuneError }
	return bytes.IndexFunc(numbers, control) >= 0
}

// wholeRunes drops the first bytes of a character that is cut off at the end of b.
func wholeRunes(b []byte) []byte {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if last := b[len(b)-n:]; utf8.RuneStart(last[0]) {
			if !utf8.FullRune(last) {
				return b[:len(b)-n]
			}
			break
		}
	}
	return b
}

// textWords reads lines "word x1 ... xE".
func (p *wordParser) textWords() error {
	for {
		p.line++
		line, err := p.in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return fmt.Errorf("line %d: must be shorter than %d bytes", p.line, maxWordLine)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("line %d: %w", p.line, err)
		}
		if e := p.textWord(bytes.TrimRight(line, " \t\r\n")); e != nil {
			return fmt.Errorf("line %d: %w", p.line, e)
		}
		if err != nil {
			return nil
		}
	}
}

// textWord takes one line; an empty one is no word.
func (p *wordParser) textWord(line []byte) error {
	if len(line) == 0 {
		return nil
	}
	if p.index == nil {
		dim := bytes.Count(line, []byte{' '}) + bytes.Count(line, []byte{'\t'})
		if dim < 2 || dim > maxWordDim {
			return fmt.Errorf("must be a word and 2 to %d numbers (got %d fields)", maxWordDim, dim+1)
		}
		if err := p.begin(dim); err != nil {
			return err
		}
	}
	p.found++
	end := bytes.IndexAny(line, " \t")
	if end < 0 || !p.numbers(line[end+1:]) {
		var err error
		if end, err = p.wordEnd(line); err != nil {
			return err
		}
	}
	return p.take(line[:end])
}

// numbers reads exactly E numbers into the row of the index.
func (p *wordParser) numbers(s []byte) bool {
	for e := range p.dim {
		x, n, ok := parseFloat(s)
		if !ok || (n == len(s)) != (e == p.dim-1) {
			return false
		}
		binary.LittleEndian.PutUint32(p.index.row[4*e:], math.Float32bits(x))
		s = s[min(n+1, len(s)):]
	}
	return true
}

// wordEnd finds the end of a word with spaces inside (GloVe 840B has some), that
// is, where the last E fields begin, and reads these; or says what is wrong.
func (p *wordParser) wordEnd(line []byte) (int, error) {
	end := len(line)
	for e := range p.dim {
		if end = bytes.LastIndexAny(line[:end], " \t"); end < 0 {
			return 0, fmt.Errorf("must be a word and %d numbers (got %d fields)", p.dim, e+1)
		}
	}
	if p.numbers(line[end+1:]) {
		return end, nil
	}
	for _, field := range bytes.FieldsFunc(line[end+1:], func(r rune) bool { return r == ' ' || r == '\t' }) {
		if _, _, ok := parseFloat(field); !ok {
			return 0, fmt.Errorf("must hold finite numbers after the word (got %q)", field)
		}
	}
	return 0, errors.New("must have one space between numbers")
}

// take adds a word whose vector stands in the row: the first of several of one
// spelling counts (files are sorted by frequency), other languages are left out.
func (p *wordParser) take(raw []byte) error {
	word, ok := plainWord(string(raw))
	if !ok || p.index.has([]byte(word)) {
		return nil
	}
	return p.index.add([]byte(word))
}

// binaryWords reads word2vec's binary form: the word, a space, E float32, and
// sometimes a line feed.
func (p *wordParser) binaryWords() error {
	for p.found < p.count {
		word, err := p.in.ReadSlice(' ')
		if err != nil {
			return fmt.Errorf("word %d of %d: must be a word and a space (got %w)", p.found+1, p.count, cutShort(err))
		}
		word = bytes.TrimLeft(word[:len(word)-1], "\n")
		text := string(word) // the reader's room is used again
		if _, err := io.ReadFull(p.in, p.index.row); err != nil {
			return fmt.Errorf("word %d of %d: must have %d numbers (got %w)", p.found+1, p.count, p.dim, cutShort(err))
		}
		for e := range p.dim {
			x := float64(math.Float32frombits(binary.LittleEndian.Uint32(p.index.row[4*e:])))
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return fmt.Errorf("word %d of %d, %q: must have finite numbers (number %d is %v)", p.found+1, p.count, text, e+1, x)
			}
		}
		p.found++
		if err := p.take([]byte(text)); err != nil {
			return err
		}
	}
	if rest, err := io.ReadAll(io.LimitReader(p.in, 2)); err != nil || len(bytes.TrimRight(rest, "\n")) > 0 {
		return errors.Join(fmt.Errorf("must end after %d words, as its first line says", p.count), err)
	}
	return nil
}

// cutShort is the error of a file that ends too early.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// plainWord removes Numberbatch's prefix and folds; false for a word of
// another language.
func plainWord(s string) (string, bool) {
	if rest, ok := strings.CutPrefix(s, "/c/"); ok {
		if s, ok = strings.CutPrefix(rest, "en/"); !ok {
			return "", false
		}
	}
	return fold(s), s != ""
}
