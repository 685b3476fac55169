package bench

import (
	"os"
	"testing"
	"time"
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

func TestAProcessIsRead(t *testing.T) {
	begin, err := cpuOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for spin := time.Now(); ; {
		used, err := cpuOf(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if used > begin {
			break // what it cost to get here is seen
		}
		if time.Since(spin) > time.Minute {
			t.Fatal("a minute of spinning costs nothing")
		}
	}
	u, err := usageOf(os.Getpid())
	if err != nil || u.memory.Anonymous <= 0 || u.memory.RSS < u.memory.Anonymous || u.peak < u.memory.RSS {
		t.Errorf("%+v, %v", u, err)
	}
	if count, err := descriptorsOf(os.Getpid()); err != nil || count < 3 {
		t.Errorf("%d descriptors, %v", count, err)
	}
}

func TestAProcessThatIsGoneIsAnError(t *testing.T) {
	const nobody = 1 << 30
	if _, err := usageOf(nobody); err == nil {
		t.Error("its memory was read")
	}
	if _, err := cpuOf(nobody); err == nil {
		t.Error("its times were read")
	}
}

// What is measured of a soak is compared to the end of its first minute.
func TestASoakHoldsWhereNothingGrows(t *testing.T) {
	for name, test := range map[string]struct {
		result SoakResult
		holds  bool
	}{
		"as it was":                {SoakResult{First: Memory{100, 10}, Last: Memory{110, 20}, Descriptors: [2]int{15, 15}}, true},
		"RSS grew":                 {SoakResult{First: Memory{100, 10}, Last: Memory{111, 10}, Descriptors: [2]int{15, 15}}, false},
		"a descriptor is left":     {SoakResult{First: Memory{100, 10}, Last: Memory{100, 10}, Descriptors: [2]int{15, 16}}, false},
		"a namespace was lost":     {SoakResult{First: Memory{100, 10}, Last: Memory{100, 10}, Wrong: 1}, false},
		"it got by with less even": {SoakResult{First: Memory{100, 10}, Last: Memory{90, 5}, Descriptors: [2]int{15, 14}}, true},
	} {
		test.result.judge()
		if got := test.result.Holds(); got != test.holds {
			t.Errorf("%s: holds is %v", name, got)
		}
	}
}
