package reward

import (
	"strings"
	"testing"
)

func TestLastNumber(t *testing.T) {
	for text, want := range map[string]string{ // "" = none, % = a percent sign
		"42":                                   "42",
		"It is 7, then 42.":                    "42",
		"1,234,567.50":                         "2469135/2",
		"1\u00a0234\u00a0567":                  "1234567",
		"1'000 and 2’000":                      "2000",
		"1,23":                                 "23",
		"12,345,67":                            "67",
		"1,2345":                               "2345",
		"1 000":                                "0",
		"0.5":                                  "1/2",
		".25":                                  "1/4",
		"007":                                  "7",
		"-3":                                   "-3",
		"x = −3":                               "-3",
		"–3":                                   "-3",
		"5-3":                                  "3",
		"5 - 3":                                "3",
		"a-3":                                  "3",
		"(2)-3":                                "3",
		"(-3)":                                 "-3",
		"-$5":                                  "-5",
		"$-5":                                  "-5",
		"−€ 5.50":                              "-11/2",
		`\$12`:                                 "12",
		"12 €":                                 "12",
		"USD 12":                               "12",
		"3/4":                                  "3/4",
		"-3/4":                                 "-3/4",
		"6 / 8":                                "3/4",
		"3⁄4":                                  "3/4",
		"010/08":                               "5/4",
		"1 3/4":                                "7/4",
		"-1 3/4":                               "-7/4",
		"1½":                                   "3/2",
		"1 ½":                                  "3/2",
		"⅔":                                    "2/3",
		"2020 10/2":                            "5",
		"3/4/2020":                             "2020",
		"1/0":                                  "",
		"1/2.5":                                "5/2",
		`\frac{3}{4}`:                          "3/4",
		`-\dfrac{ 3 }{ 4 }`:                    "-3/4",
		`1\tfrac{3}{4}`:                        "7/4",
		`\frac{1}{0}`:                          "",
		`\frac{a}{4}`:                          "4",
		"50%":                                  "50%",
		"12.5 %":                               "25/2%",
		`50\%`:                                 "50%",
		"1/2 percent":                          "1/2%",
		"5 percentage":                         "5",
		"1e3":                                  "1000",
		"1.5E-3":                               "3/2000",
		"1e−2":                                 "1/100",
		"2×10^3":                               "2000",
		"2 x 10**3":                            "2000",
		`2 \times 10^{-3}`:                     "1/500",
		"2·10⁻³":                               "1/500",
		"2 * 10":                               "10",
		"3e":                                   "3",
		"4 eggs":                               "4",
		"2.":                                   "2",
		"1.2.3":                                "3/10",
		"H2O":                                  "2",
		"none":                                 "",
		"":                                     "",
		"½ of ... nothing":                     "1/2",
		"１２":                                   "", // ASCII digits alone
		"1e401":                                "",
		"5 then 1e401":                         "",
		"1e99999999999999999999":               "",
		strings.Repeat("9", 401):               "",
		"1 " + strings.Repeat("9", 401) + "/3": "",
	} {
		n := lastNumber(text)
		got := ""
		if n.value != nil {
			got = n.value.RatString()
		}
		if n.percent {
			got += "%"
		}
		if got != want {
			t.Errorf("%.40q: got %s, want %s", text, got, want)
		}
	}
}

func TestNumericByHand(t *testing.T) {
	for _, c := range []struct {
		term, response, reference string
		want                      float64
	}{
		{"numeric", "The total is $1,072.00.", "1072", 1},
		{"numeric", "1071", "1072", 0},
		{"numeric", "0.75", "3/4", 1},
		{"numeric", "0.333", "1/3", 0},
		{"numeric", "-0", "0", 1},
		{"numeric", "50%", "50", 1},
		{"numeric", "50%", "0.5", 1},
		{"numeric", "0.5", "50%", 1},
		{"numeric", "50%", "1/2 percent", 0},
		{"numeric", "none", "none", 0},
		{"numeric", "5", "none", 0},
		{"numeric", "10", "the first of 8, 9", 1}, // 10 is accepted
		{"numeric(tol=0.01)", "101", "100", 1},
		{"numeric(tol=0.01)", "101.1", "100", 0},
		{"numeric(tol=0.01)", "-101", "-100", 1},
		{"numeric(tol=0.01)", "101", "-100", 0},
		{"numeric(tol=0.01)", "0.333", "1/3", 1},
		{"numeric(tol=0.01)", "0.01", "0", 1},
		{"numeric(tol=0.01)", "0.011", "0", 0},
		{"numeric(tol=0.3)", "1.3", "1", 1}, // 0.3 as it is written, not the float64 below it
		{"numeric(tol=0.01)", "50.5%", "0.5", 1},
	} {
		got := mustModel(t, c.term, nil).Score(t.Context(), []Sample{{Response: c.response, Reference: c.reference, Accepted: []string{"ten", "10"}}})[0]
		if got.Err != nil || got.Reward != c.want {
			t.Errorf("%s of %q for %q: got %v, %v, want %v", c.term, c.response, c.reference, got.Reward, got.Err, c.want)
		}
	}
}

// Long texts of many numbers, groups and blanks are read in a moment.
func TestLongNumbersAreBounded(t *testing.T) {
	size := 200_000
	if testing.Short() {
		size /= 10
	}
	for _, part := range []string{"1,", "1,000", ",000", "9", "1 ", " ", "1/", "1e400 ", "-", "$", "½", `\frac{1}{2}`, "1 1/2 "} {
		_ = lastNumber("1" + strings.Repeat(part, size/len(part)))
	}
}

func FuzzNumeric(f *testing.F) {
	for _, s := range []string{"1,234.5", "-1 3/4%", `2\times10^{-3}`, `\frac{1}{2}`, "−€ 5", "½⅔", "1e9/3", "1 2 3/4/5"} {
		f.Add(s, "x "+s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		n := lastNumber(a)
		if got := numeric(a, a, 0); got != (n.value != nil) {
			t.Errorf("%q equals itself: %v, its value is %v", a, got, n.value)
		}
		if numeric(a, b, 0) != numeric(b, a, 0) {
			t.Errorf("%q and %q: equality must be symmetric", a, b)
		}
		if numeric(a, b, 0) && !numeric(a, b, 0.5) {
			t.Errorf("%q and %q: what is equal must be near", a, b)
		}
	})
}
