package faults

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"testing"

	"rampart.dev/e2e/operator"
	"rampart.dev/e2e/proxy"
)

const pageLimit = 2

// inPages has the server refuse WatchList, and serve lists two objects a page wherever Rampart asks for pages.
// A list that may come from the server's cache would come whole, so it is asked for the newest instead.
func (r *run) inPages() {
	r.refuseWatchList(http.StatusBadRequest)
	r.proxy.On(proxy.Lists(), proxy.EditQuery(func(q map[string][]string) {
		if len(q["limit"]) > 0 {
			delete(q, "resourceVersion")
		}
	}))
	r.proxy.On(proxy.Lists(), proxy.Limit(pageLimit))
}

// A token that has expired: the server says 410, with a token for going on in another state, or without.
// The list is read again as a whole. Neither the first list nor a later one loses anything, and nothing is
// deleted because it was on a page that never came.
func TestFault07SecondPageHasExpired(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		hasToken bool
	}{{"with a token", true}, {"without a token", false}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := begin(t)
			r.inPages()
			lose := func() *proxy.Rule {
				return r.proxy.Add(proxy.Rule{
					Match: proxy.All(proxy.Lists("namespaces"), proxy.Continued), Times: 1, Do: losePage(test.hasToken),
				})
			}
			var first, second *proxy.Rule
			r.play(map[string]func(){
				"started": func() { first = lose() },
				"late": func() {
					second = lose()
					r.proxy.Add(proxy.Rule{Match: proxy.Lists("namespaces"), Times: 1, Do: proxy.Fail(expired)})
					r.expire("namespaces")
					r.within(func() error { return taken(second, 1) })
				},
			})
			r.wroteAsReference()
			if first.Taken() != 1 {
				t.Error("the first list was not read in pages")
			}
			if n := r.proxy.Count(proxy.All(proxy.Lists("apiservices"), proxy.Continued)); n < 2 {
				t.Error("no list was read in pages to its end")
			}
		})
	}
}

// losePage answers 410. The token is the one that came, without the resourceVersion that has expired.
func losePage(hasToken bool) proxy.Do {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		status := *expired
		if hasToken {
			status.ErrStatus.ListMeta.Continue = inconsistent(r.URL.Query().Get("continue"))
		}
		proxy.Fail(&status)(w, r, next)
	}
}

func inconsistent(token string) string {
	text, err := base64.RawURLEncoding.DecodeString(token)
	read := map[string]any{}
	if err != nil || json.Unmarshal(text, &read) != nil {
		return ""
	}
	read["rv"] = -1
	text, _ = json.Marshal(read) // it was JSON
	return base64.RawURLEncoding.EncodeToString(text)
}

// A page may have no items: only the token says whether more follow.
func TestFault08PageWithoutItems(t *testing.T) {
	t.Parallel()
	r := begin(t)
	r.inPages()
	const one, two = "empty-one", "empty-two"
	token := func(want string) proxy.Match {
		return func(q *proxy.Request) bool {
			return q.Verb == "list" && q.Query.Get("continue") == want && q.Query.Get("limit") != ""
		}
	}
	empty := func(next string) proxy.Do {
		return proxy.List(func(page map[string]any) {
			page["items"] = []any{}
			page["metadata"].(map[string]any)["continue"] = next
		})
	}
	restart := proxy.EditQuery(func(q map[string][]string) { delete(q, "continue") })
	first := r.proxy.On(token(""), empty(one))
	second := r.proxy.On(token(one), func(w http.ResponseWriter, q *http.Request, next http.Handler) {
		empty(two)(w, q, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { restart(w, q, next) }))
	})
	third := r.proxy.On(token(two), restart)
	r.play(nil)
	r.wroteAsReference()
	if first.Taken() != len(operator.Watched) || second.Taken() != len(operator.Watched) || third.Taken() != len(operator.Watched) {
		t.Errorf("of %d lists %d, %d and %d pages", len(operator.Watched), first.Taken(), second.Taken(), third.Taken())
	}
}
