package proxy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Event is one of a watch.
type Event struct {
	Type   string          `json:"type"`
	Object json.RawMessage `json:"object"`
}

// Meta is what its object says of itself.
func (e Event) Meta() (meta metav1.PartialObjectMetadata) {
	_ = json.Unmarshal(e.Object, &meta) // a Status has none
	return meta
}

func (e Event) line() []byte {
	text, _ := json.Marshal(e) // it is JSON already
	return append(text, '\n')
}

// ErrorEvent is how a running watch tells of an error.
func ErrorEvent(err *apierrors.StatusError) Event {
	return Event{Type: "ERROR", Object: json.RawMessage(statusText(err))}
}

// Bookmark is one for a kind, as in "v1", "Namespace". annotations may be nil.
func Bookmark(apiVersion, kind, resourceVersion string, annotations map[string]string) Event {
	marks, _ := json.Marshal(annotations)
	return Event{Type: "BOOKMARK", Object: json.RawMessage(fmt.Sprintf(
		`{"apiVersion":%q,"kind":%q,"metadata":{"resourceVersion":%q,"annotations":%s}}`,
		apiVersion, kind, resourceVersion, marks))}
}

// Events hands each event of a watch to each, which sends it on, or others, or none.
func Events(each func(e Event, send func(Event))) Do {
	return Lines(func(line []byte, send func([]byte)) {
		var e Event
		if json.Unmarshal(line, &e) != nil || e.Type == "" {
			send(line) // no event: what the server said instead
			return
		}
		each(e, func(e Event) { send(e.line()) })
	})
}

// DropEvents leaves out those of a watch for which is is true.
func DropEvents(is func(Event) bool) Do {
	return Events(func(e Event, send func(Event)) {
		if !is(e) {
			send(e)
		}
	})
}

// Lines hands each line of an answer, with its end, to each, which sends on what it wants. What is sent for
// one line goes out together.
func Lines(each func(line []byte, send func([]byte))) Do {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		var rest []byte
		next.ServeHTTP(pieces(w, func(b []byte) error {
			rest = append(rest, b...)
			for {
				end := bytes.IndexByte(rest, '\n')
				if end < 0 {
					return nil
				}
				var out []byte
				each(rest[:end+1:end+1], func(line []byte) { out = append(out, line...) })
				rest = rest[end+1:]
				if len(out) == 0 {
					continue
				}
				if err := writeNow(w, out); err != nil {
					return err
				}
			}
		}), plain(r))
		if len(rest) > 0 {
			_ = writeNow(w, rest) // fails when the operator has gone
		}
	}
}
