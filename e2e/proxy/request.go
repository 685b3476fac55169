package proxy

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Request is one that came, as far as it is known.
type Request struct {
	At     time.Time
	Method string
	Path   string
	Query  url.Values

	Verb        string // as the API server calls it: get, list, watch, create, update, patch, delete, deletecollection
	Resource    string // "networkpolicies"; "" of what is no resource
	Namespace   string
	Name        string
	Subresource string

	Status int       // of the answer; 0: none yet
	Ended  time.Time // zero: it runs
}

// Object is what the request is about: "networkpolicies/status team-a/rampart-default-deny".
func (r *Request) Object() string {
	resource := strings.TrimSuffix(r.Resource+"/"+r.Subresource, "/")
	return resource + " " + strings.TrimPrefix(r.Namespace+"/"+r.Name, "/")
}

// IsWrite tells a request that changes something.
func (r *Request) IsWrite() bool { return !slices.Contains([]string{"get", "list", "watch"}, r.Verb) }

func parse(r *http.Request) Request {
	request := Request{At: time.Now(), Method: r.Method, Path: r.URL.Path, Query: r.URL.Query()}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case parts[0] == "api" && len(parts) > 2:
		request.parseObject(parts[2:])
	case parts[0] == "apis" && len(parts) > 3:
		request.parseObject(parts[3:])
	}
	request.Verb = verb(&request)
	return request
}

func (r *Request) parseObject(parts []string) {
	isNamespaced := parts[0] == "namespaces" && len(parts) > 2 && parts[2] != "status" && parts[2] != "finalize"
	if isNamespaced {
		r.Namespace, parts = parts[1], parts[2:]
	}
	parts = append(parts, "", "")
	r.Resource, r.Name, r.Subresource = parts[0], parts[1], parts[2]
}

func verb(r *Request) string {
	watches := r.Query.Get("watch")
	switch {
	case r.Method == http.MethodGet && (watches == "1" || watches == "true"):
		return "watch"
	case r.Method == http.MethodGet && r.Resource != "" && r.Name == "":
		return "list"
	case r.Method == http.MethodGet:
		return "get"
	case r.Method == http.MethodPost:
		return "create"
	case r.Method == http.MethodPut:
		return "update"
	case r.Method == http.MethodPatch:
		return "patch"
	case r.Method == http.MethodDelete && r.Name == "":
		return "deletecollection"
	}
	return strings.ToLower(r.Method)
}

// Match says whether a request is meant.
type Match func(*Request) bool

// All matches what matches all of them; without any, everything.
func All(matches ...Match) Match {
	return func(r *Request) bool {
		for _, match := range matches {
			if !match(r) {
				return false
			}
		}
		return true
	}
}

// Any matches what matches one of them.
func Any(matches ...Match) Match {
	return func(r *Request) bool {
		return slices.ContainsFunc(matches, func(match Match) bool { return match(r) })
	}
}

// Not matches what match does not.
func Not(match Match) Match { return func(r *Request) bool { return !match(r) } }

// Resource matches requests about these resources, subresources included; without any, about every one.
func Resource(names ...string) Match {
	return func(r *Request) bool {
		return r.Resource != "" && (len(names) == 0 || slices.Contains(names, r.Resource))
	}
}

// Verb matches requests of these verbs.
func Verb(verbs ...string) Match {
	return func(r *Request) bool { return slices.Contains(verbs, r.Verb) }
}

// Lists matches lists, page by page, of these resources; without any, of all.
func Lists(names ...string) Match { return All(Verb("list"), Resource(names...)) }

// Watches matches watches of these resources, WatchList included; without any, of all.
func Watches(names ...string) Match { return All(Verb("watch"), Resource(names...)) }

// Writes matches whatever changes these resources; without any, all.
func Writes(names ...string) Match { return All((*Request).IsWrite, Resource(names...)) }

// Namespaced matches requests about objects in a namespace.
func Namespaced(namespace string) Match {
	return func(r *Request) bool { return r.Namespace == namespace }
}

// Named matches requests about objects of a name.
func Named(name string) Match { return func(r *Request) bool { return r.Name == name } }

// InitialEvents matches watches that ask for the state first, which is WatchList.
func InitialEvents(r *Request) bool { return r.Query.Get("sendInitialEvents") == "true" }

// Continued matches the second page of a list, and those after it.
func Continued(r *Request) bool { return r.Query.Get("continue") != "" }

// Now is a place in the record of the requests.
func (p *Proxy) Now() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.log)
}

// Since lists the requests that came after a place in the record and match; after 0 all that ever came.
func (p *Proxy) Since(place int, match Match) (requests []Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, x := range p.log[place:] {
		if match(&x.request) {
			requests = append(requests, x.request)
		}
	}
	return requests
}

// Count is how many requests matched so far.
func (p *Proxy) Count(match Match) int { return len(p.Since(0, match)) }

// Running lists the requests that match and have not ended.
func (p *Proxy) Running(match Match) (requests []Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for x := range p.running {
		if match(&x.request) {
			requests = append(requests, x.request)
		}
	}
	return requests
}
