package bench

import (
	"testing"
)

func TestInsertReplacesWhatIsBetweenTheMarkers(t *testing.T) {
	page := []byte("above\n<!-- begin x -->\nold\n<!-- end x -->\nbelow\n")
	want := "above\n<!-- begin x -->\n\nnew\n\n<!-- end x -->\nbelow\n"
	for range 2 { // again, it changes nothing
		var err error
		if page, err = Insert(page, "x", "new\n"); err != nil || string(page) != want {
			t.Fatalf("%v: %q", err, page)
		}
	}
}

func TestInsertRefusesAPageWithoutItsMarkers(t *testing.T) {
	for _, page := range []string{"", "<!-- begin x -->\n", "<!-- end x -->\n<!-- begin x -->\n", "<!-- begin y -->\n<!-- end y -->"} {
		if _, err := Insert([]byte(page), "x", "new"); err == nil {
			t.Errorf("%q is taken", page)
		}
	}
}

// What is measured of a soak is compared to the end of its first minute.
func TestASoakHoldsWhereNothingGrows(t *testing.T) {
	for name, test := range map[string]struct {
		result SoakResult
		holds  bool
	}{
		"as it was":                {SoakResult{First: Memory{RSS: 100, Anonymous: 10}, Last: Memory{RSS: 110, Anonymous: 20}, Descriptors: [2]int{15, 15}}, true},
		"RSS grew":                 {SoakResult{First: Memory{RSS: 100, Anonymous: 10}, Last: Memory{RSS: 111, Anonymous: 10}, Descriptors: [2]int{15, 15}}, false},
		"a descriptor is left":     {SoakResult{First: Memory{RSS: 100, Anonymous: 10}, Last: Memory{RSS: 100, Anonymous: 10}, Descriptors: [2]int{15, 16}}, false},
		"a namespace was lost":     {SoakResult{First: Memory{RSS: 100, Anonymous: 10}, Last: Memory{RSS: 100, Anonymous: 10}, Wrong: 1}, false},
		"it got by with less even": {SoakResult{First: Memory{RSS: 100, Anonymous: 10}, Last: Memory{RSS: 90, Anonymous: 5}, Descriptors: [2]int{15, 14}}, true},
	} {
		test.result.judge()
		if got := test.result.Holds(); got != test.holds {
			t.Errorf("%s: holds is %v", name, got)
		}
	}
}
