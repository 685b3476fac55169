package kubeconfigs

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// row is one kubeconfig, or several, and what is to come of it.
type row struct {
	name    string
	files   map[string]string // beside those of newWorld; templates. "config" is what is given with --kubeconfig
	list    []string          // files for KUBECONFIG, in the place of --kubeconfig
	context string
	env     []string // templates
	want    seen     // of each request, by both; empty fields are not compared with it, but among both

	// Neither connects, and Rampart says all of these.
	fails []string
	// Why Rampart does not do what client-go does; it then says what fails has, and client-go connects.
	differs string
}

func TestKubeconfigsAreReadAsClientGoReadsThem(t *testing.T) {
	names := map[string]bool{}
	for _, rows := range [][]row{clusterRows, userRows, execRows, proxyRows, fileRows, differenceRows} {
		for _, r := range rows {
			if names[r.name] {
				t.Fatalf("two rows are called %q", r.name)
			}
			names[r.name] = true
			t.Run(r.name, func(t *testing.T) {
				t.Parallel()
				r.run(t, r.prepare(t))
			})
		}
	}
	if len(names) < 30 {
		t.Errorf("the table has %d rows", len(names))
	}
}

// TestTheControllerConnectsAsThePlanDoes takes the rows apart in which most is done on the way.
func TestTheControllerConnectsAsThePlanDoes(t *testing.T) {
	for _, r := range []row{execRows[0], proxyRows[0], userRows[0]} {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			w := r.prepare(t)
			reference, err := w.clientGo(t, r.context)
			check(t, err)
			compare(t, "client-go", reference, seen{}, reference)
			compare(t, "rampart controller", w.controller(t, r.context), seen{}, reference)
		})
	}
}

func (r row) prepare(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	for name, text := range r.files {
		w.write(t, name, w.fill(t, text))
	}
	for _, variable := range r.env {
		w.env = append(w.env, w.fill(t, variable))
	}
	if r.list == nil {
		w.kubeconfig = filepath.Join(w.Dir, "config")
	} else {
		w.env = append(w.env, "KUBECONFIG="+strings.Join(r.list, ":"))
	}
	return w
}

func (r row) run(t *testing.T, w *world) {
	t.Helper()
	reference, err := w.clientGo(t, r.context)
	requests, words := w.plan(t, r.context)
	for _, part := range r.fails {
		if part = w.fill(t, part); !strings.Contains(words, part) {
			t.Errorf("Rampart does not say %q but: %s", part, words)
		}
	}
	if r.fails != nil && len(requests) > 0 {
		t.Errorf("Rampart connects: %+v", requests)
	}
	switch {
	case r.fails != nil && r.differs == "":
		if err == nil || len(reference) > 0 {
			t.Errorf("client-go connects: %v %+v", err, reference)
		}
	case r.differs != "":
		if err != nil {
			t.Errorf("client-go does not connect, the row belongs to the others: %v", err)
		}
	default:
		if err != nil {
			t.Errorf("client-go fails: %v", err)
		}
		want := r.want
		for _, text := range []*string{&want.Server, &want.SNI, &want.Host, &want.Prefix, &want.Authorization, &want.Via} {
			*text = w.fill(t, *text)
		}
		compare(t, "client-go", reference, want, reference)
		compare(t, "rampart plan", requests, want, reference)
	}
}

// compare demands that there are requests, that all say the same as the reference's first, and what is wanted.
func compare(t *testing.T, who string, requests []seen, want seen, reference []seen) {
	t.Helper()
	if len(requests) == 0 || len(reference) == 0 {
		t.Errorf("%s: no request arrived", who)
		return
	}
	for _, request := range requests {
		if difference := differ(request, reference[0], false); difference != "" {
			t.Errorf("%s, against client-go: %s", who, difference)
			return
		}
		if difference := differ(request, want, true); difference != "" {
			t.Errorf("%s, against the table: %s", who, difference)
			return
		}
	}
}

func differ(got, want seen, onlyStated bool) string {
	a, b := reflect.ValueOf(got), reflect.ValueOf(want)
	for i := range a.NumField() {
		if onlyStated && b.Field(i).IsZero() {
			continue
		}
		if one, other := fmt.Sprintf("%q", a.Field(i)), fmt.Sprintf("%q", b.Field(i)); one != other {
			return fmt.Sprintf("%s is %s and not %s", a.Type().Field(i).Name, one, other)
		}
	}
	return ""
}
