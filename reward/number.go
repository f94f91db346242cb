package reward

import (
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a number: a longer one has no value.
const (
	maxDigits   = 400
	maxExponent = 400
)

// number is a number that was found in a text.
type number struct {
	value   *big.Rat // nil: outside the limits
	percent bool     // a percent sign stands behind it, which value does not count
}

// numeric reports whether the last numbers of two texts are equal: within tol times the
// second, or tol itself where that is 0. Where one alone has a percent sign it may count or
// not: 50% is 50 and 0.5.
func numeric(response, reference string, tol float64) bool {
	a, b := lastNumber(response), lastNumber(reference)
	if a.value == nil || b.value == nil {
		return false
	}
	if closeTo(a.value, b.value, tol) {
		return true
	}
	hundredth := func(x *big.Rat) *big.Rat { return new(big.Rat).Mul(x, big.NewRat(1, 100)) }
	return a.percent && !b.percent && closeTo(hundredth(a.value), b.value, tol) ||
		b.percent && !a.percent && closeTo(a.value, hundredth(b.value), tol)
}

func closeTo(a, b *big.Rat, tol float64) bool {
	if tol == 0 {
		return a.Cmp(b) == 0
	}
	bound, _ := new(big.Rat).SetString(strconv.FormatFloat(tol, 'g', -1, 64))
	if b.Sign() != 0 {
		bound.Mul(bound, new(big.Rat).Abs(b))
	}
	difference := new(big.Rat).Sub(a, b)
	return difference.Abs(difference).Cmp(bound) <= 0
}

// lastNumber is the last number of a text, without a value where it has none.
func lastNumber(text string) number {
	var last number
	for i := 0; i < len(text); {
		n, size := numberAt(text, i)
		if size > 0 {
			last = n
			i += size
			continue
		}
		_, size = utf8.DecodeRuneInString(text[i:])
		i += size
	}
	return last
}

// numberAt reads the number that begins at a place, with all that belongs to it; size 0
// where none does. Its sign stands before it.
func numberAt(text string, at int) (n number, size int) {
	rest := text[at:]
	value, size := fractionSign(rest)
	if size == 0 {
		var whole bool // no decimals, no exponent
		if value, size, whole = decimal(rest); size == 0 {
			return n, 0
		}
		if whole && !strings.HasSuffix(text[:at], "/") {
			value, size = withFraction(value, rest, size)
		}
	}
	if value != nil && negative(text[:at]) {
		value.Neg(value)
	}
	n.value = value
	if s := percentSign.FindString(rest[size:]); s != "" {
		n.percent = true
		size += len(s)
	}
	return n, size
}

var percentSign = regexp.MustCompile(`^\s*(?:\\?%|％|(?i:percent\b))`)

// decimal reads 12, 1,234.5, .5, 1e-3 or 1.5×10^3. Thousands are parted by commas,
// apostrophes, or blanks that do not break.
func decimal(s string) (value *big.Rat, size int, whole bool) {
	size = digits(s)
	var text strings.Builder
	text.WriteString(s[:size])
	if sep, width := utf8.DecodeRuneInString(s[size:]); size > 0 && size <= 3 && strings.ContainsRune(",'’\u00a0\u2009\u202f", sep) {
		for strings.HasPrefix(s[size:], string(sep)) && digits(s[size+width:]) == 3 {
			text.WriteString(s[size+width : size+width+3])
			size += width + 3
		}
	}
	whole = true
	if strings.HasPrefix(s[size:], ".") {
		if n := digits(s[size+1:]); n > 0 {
			text.WriteString(s[size : size+1+n])
			size, whole = size+1+n, false
		}
	}
	if size == 0 {
		return nil, 0, false
	}
	exponent := 0
	if m := powerOfTen.FindStringSubmatch(s[size:]); m != nil {
		whole = false
		size += len(m[0])
		exponent = readExponent(m[1] + m[2] + m[3] + m[4])
	}
	if text.Len() > maxDigits || exponent < -maxExponent || exponent > maxExponent {
		return nil, size, whole
	}
	value, _ = new(big.Rat).SetString(text.String() + "e" + strconv.Itoa(exponent))
	return value, size, whole
}

func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// powerOfTen is what may follow a number: e-3, ×10^-3, *10**3, ·10³ or \times 10^{3}.
var powerOfTen = regexp.MustCompile(`^(?:[eE]([+\-−]?[0-9]+)|\s*(?:[×x*·⋅]|\\times|\\cdot)\s*10(?:(?:\^|\*\*)([+\-−]?[0-9]+)|\^\{([+\-−]?[0-9]+)\}|([⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)))`)

var plainExponent = strings.NewReplacer("−", "-", "⁻", "-", "⁺", "+", "⁰", "0", "¹", "1", "²", "2", "³", "3", "⁴", "4", "⁵", "5", "⁶", "6", "⁷", "7", "⁸", "8", "⁹", "9")

// readExponent is beyond the limit where it is too large to be read.
func readExponent(text string) int {
	n, err := strconv.Atoi(plainExponent.Replace(text))
	if err != nil {
		return maxExponent + 1
	}
	return n
}

var (
	slashed = regexp.MustCompile(`^\s*[/⁄]\s*([0-9]+)`)
	mixed   = regexp.MustCompile(`^\s+([0-9]+)\s*[/⁄]\s*([0-9]+)`)
	latex   = regexp.MustCompile(`^\\[dt]?frac\s*\{\s*([0-9]+)\s*\}\s*\{\s*([0-9]+)\s*\}`)
)

// withFraction reads what makes a whole number that ends at size a fraction, 3/4, or a
// mixed number, 1 3/4, 1½ or 1\frac{3}{4}. Dates such as 3/4/2020 are none.
func withFraction(whole *big.Rat, s string, size int) (*big.Rat, int) {
	if m := slashed.FindStringSubmatch(s[size:]); m != nil {
		if end := size + len(m[0]); endsFraction(s[end:]) && digits(s) == size {
			return over(s[:size], m[1]), end
		}
		return whole, size
	}
	var part *big.Rat
	end := size
	if m := mixed.FindStringSubmatch(s[size:]); m != nil && endsFraction(s[size+len(m[0]):]) {
		part, end = over(m[1], m[2]), size+len(m[0])
	} else {
		blanks := len(s[size:]) - len(strings.TrimLeftFunc(s[size:], unicode.IsSpace))
		var n int
		part, n = fractionSign(s[size+blanks:])
		end = size + blanks + n
	}
	if part == nil || whole == nil || part.Cmp(big.NewRat(1, 1)) >= 0 {
		return whole, size
	}
	return part.Add(part, whole), end
}

// endsFraction says that what follows is no part of a date or a decimal.
func endsFraction(rest string) bool {
	return !(len(rest) > 1 && strings.IndexByte("/.,", rest[0]) >= 0 && digits(rest[1:]) > 0)
}

// over is a fraction; nil where it has no value.
func over(numerator, denominator string) *big.Rat {
	if len(numerator) > maxDigits || len(denominator) > maxDigits || strings.Trim(denominator, "0") == "" {
		return nil
	}
	n, _ := new(big.Int).SetString(numerator, 10)
	d, _ := new(big.Int).SetString(denominator, 10)
	return new(big.Rat).SetFrac(n, d)
}

// signs are the fractions that are one character.
var signs = map[rune][2]int64{'½': {1, 2}, '⅓': {1, 3}, '⅔': {2, 3}, '¼': {1, 4}, '¾': {3, 4}, '⅕': {1, 5}, '⅖': {2, 5}, '⅗': {3, 5}, '⅘': {4, 5},
	'⅙': {1, 6}, '⅚': {5, 6}, '⅐': {1, 7}, '⅛': {1, 8}, '⅜': {3, 8}, '⅝': {5, 8}, '⅞': {7, 8}, '⅑': {1, 9}, '⅒': {1, 10}}

// fractionSign reads ½ or \frac{1}{2}.
func fractionSign(s string) (value *big.Rat, size int) {
	r, width := utf8.DecodeRuneInString(s)
	if f, ok := signs[r]; ok {
		return big.NewRat(f[0], f[1]), width
	}
	if r != '\\' {
		return nil, 0
	}
	if m := latex.FindStringSubmatch(s); m != nil {
		return over(m[1], m[2]), len(m[0])
	}
	return nil, 0
}

// negative says that the text before a number, currency aside, ends in its minus sign, and
// not in a hyphen or a minus between two operands.
func negative(before string) bool {
	if money := strings.TrimRight(before, " "); money != "" {
		if cut := strings.TrimRightFunc(money, func(r rune) bool { return unicode.Is(unicode.Sc, r) }); cut != money {
			before = strings.TrimSuffix(cut, `\`)
		}
	}
	sign, width := utf8.DecodeLastRuneInString(before)
	if !strings.ContainsRune("-−–﹣－", sign) {
		return false
	}
	head := before[:len(before)-width]
	r, _ := utf8.DecodeLastRuneInString(head)
	return head == "" || !unicode.IsLetter(r) && !unicode.IsNumber(r) && r != ')' && r != '%'
}
