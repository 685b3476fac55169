package proxy

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	kjson "k8s.io/apimachinery/pkg/util/json"
)

// Do is what a rule does with a request. It answers, or has next answer and changes what comes.
type Do func(w http.ResponseWriter, r *http.Request, next http.Handler)

// Answer answers without asking the server. headers are names and values in turn.
func Answer(status int, body string, headers ...string) Do {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // fails when the operator has gone
	}
}

// Fail answers with the Status of an error, as apierrors makes them.
func Fail(err *apierrors.StatusError, headers ...string) Do {
	return Answer(int(err.ErrStatus.Code), statusText(err), headers...)
}

func statusText(err *apierrors.StatusError) string {
	status := err.ErrStatus
	status.Kind, status.APIVersion = "Status", "v1"
	text, _ := json.Marshal(status) // it is made of strings and numbers
	return string(text)
}

// Abort breaks the stream off without an answer; the server is not asked.
func Abort(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }

// AbortAnswered has the server do what was asked, and breaks off instead of telling its answer.
func AbortAnswered(_ http.ResponseWriter, r *http.Request, next http.Handler) {
	next.ServeHTTP(nowhere{http.Header{}}, r)
	panic(http.ErrAbortHandler)
}

// Swallow never answers; the server is not asked.
func Swallow(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// To sends requests to another server: see NewBackend.
func To(backend http.Handler) Do {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) { backend.ServeHTTP(w, r) }
}

// GoAway sends the answer with a GOAWAY: what runs on the connection may end, new requests need a new one.
func GoAway(w http.ResponseWriter, r *http.Request, next http.Handler) {
	w.Header().Set("Connection", "close")
	next.ServeHTTP(w, r)
}

// Delay asks the server after a while.
func Delay(d time.Duration) Do {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		select {
		case <-time.After(d):
			next.ServeHTTP(w, r)
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
}

// EditQuery changes what is asked for, as in q.Set("limit", "2").
func EditQuery(edit func(q map[string][]string)) Do {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		query := r.URL.Query()
		edit(query)
		changed := r.Clone(r.Context())
		changed.URL.RawQuery = query.Encode()
		next.ServeHTTP(w, changed)
	}
}

// Limit makes pages smaller, where pages are asked for.
func Limit(n int) Do {
	return EditQuery(func(q map[string][]string) {
		if len(q["limit"]) > 0 {
			q["limit"] = []string{strconv.Itoa(n)}
		}
	})
}

// Body changes the whole of an answer, where it has the status 200.
func Body(edit func(body []byte) []byte) Do {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		var whole bytes.Buffer
		status := http.StatusOK
		next.ServeHTTP(&filter{
			ResponseWriter: w,
			header:         func(code int) { status = code },
			body:           func(b []byte) error { whole.Write(b); return nil },
		}, plain(r))
		text := whole.Bytes()
		if status == http.StatusOK {
			text = edit(text)
		}
		w.Header().Del("Content-Length")
		w.WriteHeader(status)
		_, _ = w.Write(text) // fails when the operator has gone
	}
}

// List changes a page of a list.
func List(edit func(page map[string]any)) Do {
	return Body(func(body []byte) []byte {
		page := map[string]any{}
		if err := kjson.Unmarshal(body, &page); err != nil {
			return body // no list: what the server said instead
		}
		edit(page)
		text, _ := json.Marshal(page) // it was JSON
		return text
	})
}

// Chop hands an answer out n bytes at a time, each piece in a frame of its own.
func Chop(n int) Do {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(pieces(w, func(b []byte) error {
			for len(b) > 0 {
				size := min(n, len(b))
				if err := writeNow(w, b[:size]); err != nil {
					return err
				}
				b = b[size:]
			}
			return nil
		}), plain(r))
	}
}

// CutAfter lets n bytes of an answer through. Then it calls then, where there is one, and breaks off.
func CutAfter(n int, then func()) Do {
	return limited(n, func(*http.Request) {
		if then != nil {
			then()
		}
		panic(http.ErrAbortHandler)
	})
}

// EndAfter lets n bytes of an answer through, and ends it there as if that were all.
func EndAfter(n int) Do {
	return limited(n, func(r *http.Request) {
		if x, _ := r.Context().Value(exchangeKey{}).(*exchange); x != nil {
			x.endInOrder()
		}
	})
}

// limited calls then once n bytes have gone through, and drops the others.
func limited(n int, then func(*http.Request)) Do {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		left := n
		next.ServeHTTP(pieces(w, func(b []byte) error {
			size := min(left, len(b))
			if err := writeNow(w, b[:size]); err != nil {
				return err
			}
			if left -= size; left == 0 {
				then(r)
			}
			return nil
		}), plain(r))
	}
}

// Valve holds requests or answers back. It is open at first.
type Valve struct {
	mu   sync.Mutex
	held chan struct{} // closed by Release; nil: open
}

// Hold lets nothing more through.
func (v *Valve) Hold() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.held == nil {
		v.held = make(chan struct{})
	}
}

// Release lets what has come meanwhile through, and the rest.
func (v *Valve) Release() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.held != nil {
		close(v.held)
		v.held = nil
	}
}

// Requests holds requests before the server sees them.
func (v *Valve) Requests(w http.ResponseWriter, r *http.Request, next http.Handler) {
	v.await(r)
	next.ServeHTTP(w, r)
}

// Answers holds what comes back, also in the midst of a watch.
func (v *Valve) Answers(w http.ResponseWriter, r *http.Request, next http.Handler) {
	next.ServeHTTP(pieces(w, func(b []byte) error {
		v.await(r)
		return writeNow(w, b)
	}), r)
}

func (v *Valve) await(r *http.Request) {
	v.mu.Lock()
	held := v.held
	v.mu.Unlock()
	if held == nil {
		return
	}
	select {
	case <-held:
	case <-r.Context().Done():
		panic(http.ErrAbortHandler)
	}
}

// ---- ResponseWriters ----

// filter is a ResponseWriter whose parts somebody else takes.
type filter struct {
	http.ResponseWriter
	header func(status int)
	body   func(b []byte) error
}

func (f *filter) WriteHeader(status int) { f.header(status) }

func (f *filter) Write(b []byte) (int, error) { return len(b), f.body(b) }

// FlushError does nothing: who takes the parts flushes them.
func (f *filter) FlushError() error { return nil }

// pieces is a filter of the body alone.
func pieces(w http.ResponseWriter, body func(b []byte) error) *filter {
	return &filter{
		ResponseWriter: w,
		header: func(status int) {
			w.Header().Del("Content-Length")
			w.WriteHeader(status)
			_ = http.NewResponseController(w).Flush() // a watch without events has begun
		},
		body: body,
	}
}

func writeNow(w http.ResponseWriter, b []byte) error {
	if _, err := w.Write(b); err != nil {
		return err
	}
	return http.NewResponseController(w).Flush()
}

// plain asks for an answer that is not compressed.
func plain(r *http.Request) *http.Request {
	changed := r.Clone(r.Context())
	changed.Header.Del("Accept-Encoding")
	return changed
}

// nowhere takes an answer that nobody gets.
type nowhere struct{ header http.Header }

func (n nowhere) Header() http.Header         { return n.header }
func (n nowhere) WriteHeader(int)             {}
func (n nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n nowhere) FlushError() error           { return nil }
