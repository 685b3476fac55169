package fills

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
)

// odd has characters that an encoder may escape in more than one way.
const odd = `
containers:
- {name: web, image: i, command: [sh, -c, "a <b >c && d"], env: [{name: A, value: "é ` + "\\u2028" + `\"\\"}]}
`

// read sends a request as Rampart would, and gives the answer's body, of a watch the first line.
func read(t *testing.T, method, path, contentType, body string) []byte {
	t.Helper()
	client, err := rest.HTTPClientFor(control.Config)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, control.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("User-Agent", "rampart/test")
	request.Header.Set("Accept", "application/json")
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var text []byte
	if strings.Contains(path, "watch=true") {
		text, err = bufio.NewReader(response.Body).ReadBytes('\n')
	} else {
		text, err = io.ReadAll(response.Body)
	}
	if err != nil || response.StatusCode >= http.StatusBadRequest {
		t.Fatalf("%s %s: %s, %v: %s", method, path, response.Status, err, text)
	}
	return text
}

// member is what lies there in the JSON, byte by byte; of an array it is the first element.
func member(t *testing.T, text []byte, path ...string) []byte {
	t.Helper()
	for _, name := range path {
		var object map[string]json.RawMessage
		if text = bytes.TrimSpace(text); text[0] == '[' {
			var elements []json.RawMessage
			if err := json.Unmarshal(text, &elements); err != nil || len(elements) != 1 {
				t.Fatalf("want one element: %v: %s", err, text)
			}
			text = elements[0]
		}
		if err := json.Unmarshal(text, &object); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		text = object[name]
	}
	return text
}

func (k kind) collection() string {
	return "/apis/" + k.resource.Group + "/" + k.resource.Version + "/namespaces/" + namespace + "/" + k.resource.Resource
}

// template is as a GET has it.
func (k kind) template(t *testing.T, name string) []byte {
	t.Helper()
	return member(t, read(t, http.MethodGet, k.collection()+"/"+name, "", ""), k.at...)
}

func demandBytes(t *testing.T, how string, got, want []byte) {
	t.Helper()
	if len(want) == 0 || !bytes.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant\n%s", how, got, want)
	}
}

// Rampart tells by a digest of the bytes whether a template has changed: the one of the answer to its own write, of
// a list and of a watch must be the same.
func TestATemplateHasTheSameBytesHoweverItIsRead(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			name := objectName(t, "bytes")
			body, err := json.Marshal(k.object(t, name, odd))
			if err != nil {
				t.Fatal(err)
			}
			made := member(t, read(t, http.MethodPost, k.collection(), "application/json", string(body)), k.at...)
			demandBytes(t, "GET after the creation", k.template(t, name), made)

			patched := member(t, read(t, http.MethodPatch, k.collection()+"/"+name+"?fieldManager="+manager,
				"application/strategic-merge-patch+json", string(k.marked(t, name))), k.at...)
			if bytes.Equal(patched, made) {
				t.Error("the patch has changed nothing")
			}
			one := "?fieldSelector=" + url.QueryEscape("metadata.name="+name)
			items := append([]string{"items"}, k.at...)
			event := append([]string{"object"}, k.at...)
			demandBytes(t, "GET", k.template(t, name), patched)
			for _, query := range []string{"", "&limit=250", "&resourceVersion=0"} {
				list := read(t, http.MethodGet, k.collection()+one+query, "", "")
				demandBytes(t, "list"+query, member(t, list, items...), patched)
			}
			for _, query := range []string{
				"&resourceVersion=0",
				"&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan",
			} {
				line := read(t, http.MethodGet, k.collection()+one+"&watch=true"+query, "", "")
				demandBytes(t, "watch"+query, member(t, line, event...), patched)
			}
		})
	}
}

// marked is a patch that puts an annotation on the template.
func (k kind) marked(t *testing.T, name string) []byte {
	t.Helper()
	patch := &unstructured.Unstructured{Object: map[string]any{}}
	set(t, patch, map[string]any{"rampart.dev/fill": "a<b"}, append(append([]string{}, k.at...), "metadata", "annotations")...)
	text, err := json.Marshal(patch.Object)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// The mark of a fill says by its digest which template it was made for: after it was taken back it must be that one.
func TestATemplateHasItsBytesAgainOnceAFillIsTakenBack(t *testing.T) {
	for _, k := range kinds {
		for name, spec := range map[string]string{"mixed": mixed, "plain": plain, "odd": odd} {
			t.Run(k.name+" "+name, func(t *testing.T) {
				object := k.create(t, k.object(t, objectName(t, "again"), spec))
				before := k.template(t, object.GetName())
				k.fill(t, object, everything, "web=1000")
				if bytes.Equal(k.template(t, object.GetName()), before) {
					t.Error("nothing was filled in")
				}
				k.takeBack(t, object.GetName(), 0)
				demandBytes(t, "taken back", k.template(t, object.GetName()), before)
			})
		}
	}
}
