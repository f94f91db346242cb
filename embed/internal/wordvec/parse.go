package wordvec

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

// byteOrderMark begins UTF-8 files of some Windows programs.
const byteOrderMark = "\ufeff"

// build reads a file of word vectors of any form and writes its index. The digest
// in source is filled in here.
func build(w io.Writer, r io.Reader, source origin, key Key) error {
	digest := sha256.New()
	raw := bufio.NewReaderSize(io.TeeReader(r, digest), 1<<16)
	unpacked, err := unzipped(raw)
	if err != nil {
		return err
	}
	p := &parser{in: bufio.NewReaderSize(unpacked, maxWordLine), out: w, key: key}
	if err := p.parse(); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, raw); err != nil { // what a gzip reader left
		return err
	}
	source.digest = [sha256.Size]byte(digest.Sum(nil))
	return p.index.finish(source)
}

// unzipped unpacks gzip, told by its first bytes.
func unzipped(in *bufio.Reader) (io.Reader, error) {
	if head, _ := in.Peek(2); !bytes.Equal(head, []byte{0x1f, 0x8b}) {
		return in, nil
	}
	return gzip.NewReader(in)
}

// parser reads word vectors and hands each new word to the index.
type parser struct {
	in    *bufio.Reader
	out   io.Writer
	key   Key
	index *indexWriter // made once the dimension is known
	dim   int          // E; 0 = not yet known
	row   []byte       // [4*E] the vector under way
	count int          // words that the header announces; -1 without one
	found int          // words read, those left out included
	line  int          // under way, from 1
}

// parse reads the header, tells text from binary, and reads all words.
func (p *parser) parse() error {
	if head, _ := p.in.Peek(len(byteOrderMark)); string(head) == byteOrderMark {
		p.in.Discard(len(byteOrderMark))
	}
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
func (p *parser) header() error {
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
func (p *parser) begin(dim int) (err error) {
	p.dim, p.row = dim, make([]byte, 4*dim)
	p.index, err = newIndexWriter(p.out, dim)
	return err
}

// binary says whether word2vec's binary form follows the header: where the numbers of
// the first word stand there are bytes that no text has.
func (p *parser) binary() bool {
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
func (p *parser) textWords() error {
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
func (p *parser) textWord(line []byte) error {
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
	if end < 0 || !numbers(p.row, line[end+1:]) {
		var err error
		if end, err = wordEnd(line, p.row); err != nil {
			return err
		}
	}
	return p.take(line[:end])
}

// numbers reads exactly E numbers, with one space or tab between them, into row [4*E].
func numbers(row, s []byte) bool {
	for ; len(row) > 0; row = row[4:] {
		x, n, ok := number(s)
		if !ok || (n == len(s)) != (len(row) == 4) {
			return false
		}
		binary.LittleEndian.PutUint32(row, math.Float32bits(x))
		s = s[min(n+1, len(s)):]
	}
	return true
}

// number reads the finite number that s begins with, up to the next space, tab or
// the end of s, and returns how many bytes it took. A short decimal is one division
// of two numbers that float32 holds exactly, which rounds correctly (Clinger 1990);
// strconv reads the others. It takes three times as long, and reading numbers is
// most of the work on a file.
func number(s []byte) (x float32, n int, ok bool) {
	digits, point := 0, -1
	var mantissa uint32
	if len(s) > 0 && s[0] == '-' {
		n = 1
	}
	for ; n < len(s) && mantissa < 1<<24; n++ {
		if c := s[n] - '0'; c <= 9 {
			mantissa = mantissa*10 + uint32(c)
			digits++
		} else if s[n] == '.' && point < 0 {
			point = digits
		} else {
			break
		}
	}
	fraction := 0
	if point >= 0 {
		fraction = digits - point
	}
	if digits == 0 || mantissa >= 1<<24 || fraction >= len(tenTo) || n < len(s) && s[n] != ' ' && s[n] != '\t' {
		return slowNumber(s)
	}
	x = float32(mantissa) / tenTo[fraction]
	if s[0] == '-' {
		x = -x
	}
	return x, n, true
}

// tenTo are the powers of ten that a float32 holds exactly.
var tenTo = [...]float32{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10}

// slowNumber is number for every number.
func slowNumber(s []byte) (x float32, n int, ok bool) {
	for n < len(s) && s[n] != ' ' && s[n] != '\t' {
		n++
	}
	f, err := strconv.ParseFloat(string(s[:n]), 32)
	return float32(f), n, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
}

// wordEnd finds the end of a word with spaces inside (GloVe 840B has some), that
// is, where the last E fields begin, and reads these; or says what is wrong.
func wordEnd(line, row []byte) (int, error) {
	end, dim := len(line), len(row)/4
	for e := range dim {
		if end = bytes.LastIndexAny(line[:end], " \t"); end < 0 {
			return 0, fmt.Errorf("must be a word and %d numbers (got %d fields)", dim, e+1)
		}
	}
	if numbers(row, line[end+1:]) {
		return end, nil
	}
	for _, field := range bytes.FieldsFunc(line[end+1:], func(r rune) bool { return r == ' ' || r == '\t' }) {
		if _, _, ok := number(field); !ok {
			return 0, fmt.Errorf("must hold finite numbers after the word (got %q)", field)
		}
	}
	return 0, errors.New("must have one space between numbers")
}

// take adds a word with the vector in the row: the first of several of one
// key counts (files are sorted by frequency).
func (p *parser) take(word []byte) error {
	key, ok := p.key(string(word))
	if !ok || p.index.has(key) {
		return nil
	}
	return p.index.add(key, p.row)
}

// binaryWords reads word2vec's binary form: the word, a space, E float32, and
// sometimes a line feed.
func (p *parser) binaryWords() error {
	for p.found < p.count {
		word, err := p.in.ReadSlice(' ')
		if err != nil {
			return fmt.Errorf("word %d of %d: must be a word and a space (got %w)", p.found+1, p.count, cutShort(err))
		}
		word = bytes.TrimLeft(word[:len(word)-1], "\n")
		text := string(word) // the reader's room is used again
		if _, err := io.ReadFull(p.in, p.row); err != nil {
			return fmt.Errorf("word %d of %d: must have %d numbers (got %w)", p.found+1, p.count, p.dim, cutShort(err))
		}
		for e := range p.dim {
			x := float64(math.Float32frombits(binary.LittleEndian.Uint32(p.row[4*e:])))
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
