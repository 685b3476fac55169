package learn

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// namespaces in which there is traffic; empty at the start of each play.
var namespaces = []string{"learn-a", "learn-b", "learn-c"}

// request is one request of the traffic.
type request struct {
	method, path, body, contentType string
}

func (r request) String() string { return r.method + " " + r.path }

// kind is a kind of objects that are worked with.
type kind struct {
	group, version, resource, name string
	subresources                   []string
}

func (k kind) apiVersion() string {
	if k.group == "" {
		return k.version
	}
	return k.group + "/" + k.version
}

// collection is the path of all of them, in a namespace or in all.
func (k kind) collection(ns string) string {
	path := "/apis/" + k.group + "/" + k.version
	if k.group == "" {
		path = "/api/" + k.version
	}
	if ns != "" {
		path += "/namespaces/" + ns
	}
	return path + "/" + k.resource
}

func (k kind) object(ns, name, more string) string {
	return fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{"name":%q,"namespace":%q}%s}`, k.apiVersion(), k.name, name, ns, more)
}

// Of ConfigMaps and Leases what is sent is valid; of the others most is not, which is found after it was allowed.
var kinds = []kind{
	{"", "v1", "configmaps", "ConfigMap", nil},
	{"", "v1", "secrets", "Secret", nil},
	{"", "v1", "pods", "Pod", []string{"status", "log", "eviction", "ephemeralcontainers"}},
	{"", "v1", "serviceaccounts", "ServiceAccount", []string{"token"}},
	{"coordination.k8s.io", "v1", "leases", "Lease", nil},
	{"apps", "v1", "deployments", "Deployment", []string{"status", "scale"}},
	{"batch", "v1", "jobs", "Job", []string{"status"}},
}

// limitRanges are made by an apply alone, in every traffic: nothing else gives the right to create one.
var limitRanges = kind{"", "v1", "limitranges", "LimitRange", nil}

// Of the whole cluster, and only looked at; those of the cluster itself have to stay.
var clusterKinds = []kind{
	{"", "v1", "nodes", "Node", []string{"status"}},
	{"", "v1", "namespaces", "Namespace", []string{"status"}},
	{"storage.k8s.io", "v1", "storageclasses", "StorageClass", nil},
	{"rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", nil},
}

var (
	names = []string{"n-1", "n-2", "n-3", "n-4"}
	urls  = []string{"/metrics", "/metrics/slis", "/version", "/healthz", "/readyz?verbose", "/flagz", "/no/such%2Dpath", "/apis"}
)

const requestsCount = 48

// randomTraffic is the same for the same seed.
func randomTraffic(seed int64) (traffic []request) {
	random := rand.New(rand.NewSource(seed))
	one := func(of []string) string { return of[random.Intn(len(of))] }
	traffic = append(traffic, request{"PATCH", limitRanges.collection(namespaces[0]) + "/made?fieldManager=e2e",
		limitRanges.object(namespaces[0], "made", `,"spec":{"limits":[]}`), "application/apply-patch+yaml"})
	for len(traffic) < requestsCount {
		ns, name := one(namespaces), one(names)
		k := kinds[random.Intn(len(kinds))]
		all, single := k.collection(ns), k.collection(ns)+"/"+name
		switch random.Intn(16) {
		case 0, 1:
			traffic = append(traffic, request{method: "GET", path: single})
		case 2:
			traffic = append(traffic, request{method: "GET", path: all})
		case 3:
			traffic = append(traffic, request{method: "GET", path: all + "?fieldSelector=metadata.name%3D" + name})
		case 4:
			traffic = append(traffic, request{method: "GET", path: all + "?watch=true&timeoutSeconds=1"})
		case 5:
			traffic = append(traffic, request{method: "GET", path: all + "?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3D" + name})
		case 6:
			traffic = append(traffic, request{method: "GET", path: k.collection("") + one([]string{"", "?watch=true&timeoutSeconds=1", "?limit=1", "?fieldSelector=metadata.name%3D" + name})})
		case 7, 8:
			traffic = append(traffic, request{"POST", all, k.object(ns, name, ""), "application/json"})
		case 9: // of a Lease that is not there it makes one, which takes create besides
			traffic = append(traffic, request{"PUT", single, k.object(ns, name, ""), "application/json"})
		case 10: // likewise
			traffic = append(traffic, request{"PATCH", single + "?fieldManager=e2e&force=true", k.object(ns, name, ""), "application/apply-patch+yaml"})
		case 11:
			traffic = append(traffic, request{"PATCH", single, `{"metadata":{"labels":{"a":"b"}}}`, "application/merge-patch+json"})
		case 12:
			traffic = append(traffic, request{"DELETE", one([]string{single, all, all + "?labelSelector=a%3Db"}), "", "application/json"})
		case 13:
			if len(k.subresources) > 0 {
				traffic = append(traffic, onSubresource(k, single, one(k.subresources), ns, name, random.Intn(2) == 0))
			}
		case 14:
			traffic = append(traffic, request{method: one([]string{"GET", "GET", "HEAD"}), path: one(urls)})
		case 15:
			c := clusterKinds[random.Intn(len(clusterKinds))]
			object := c.collection("") + "/" + one([]string{"cluster-admin", namespaces[0], home})
			traffic = append(traffic, request{method: "GET", path: one([]string{c.collection(""), object, object, c.collection("") + "?watch=true&timeoutSeconds=1"})})
		}
	}
	return traffic
}

// onSubresource reads it, or writes it in the way that it is written.
func onSubresource(k kind, single, subresource, ns, name string, isRead bool) request {
	path := single + "/" + subresource
	switch subresource {
	case "eviction":
		return request{"POST", path, `{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"` + name + `","namespace":"` + ns + `"}}`, "application/json"}
	case "token":
		return request{"POST", path, `{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{}}`, "application/json"}
	case "log":
		return request{method: "GET", path: path}
	}
	if isRead {
		return request{method: "GET", path: path}
	}
	return request{"PATCH", path, `{"metadata":{"labels":{"a":"b"}}}`, "application/merge-patch+json"}
}

// played is how a play ended.
type played struct {
	refused *request // the first that was answered with 403; the play ended there
	rights  int      // that the requests took: those that made an object without a POST took create besides
}

// play does the traffic in its order, in namespaces that are empty.
func (a *account) play(t *testing.T, traffic []request) (p played) {
	t.Helper()
	empty(t)
	for _, one := range traffic {
		code := a.send(t, one, nil)
		if code == http.StatusForbidden {
			p.refused = &one
			return p
		}
		if code == http.StatusUnauthorized || code == http.StatusTooManyRequests || code == http.StatusBadGateway {
			t.Fatalf("%s: %d", one, code)
		}
		p.rights++
		if code == http.StatusCreated && one.method != "POST" {
			p.rights++
		}
	}
	return p
}

// empty removes what a play may have made.
func empty(t *testing.T) {
	t.Helper()
	zero, background := int64(0), metav1.DeletePropagationBackground
	for _, k := range append([]kind{limitRanges}, kinds...) {
		for _, ns := range namespaces {
			resource := schema.GroupVersionResource{Group: k.group, Version: k.version, Resource: k.resource}
			check(t, control.Dynamic.Resource(resource).Namespace(ns).DeleteCollection(t.Context(),
				metav1.DeleteOptions{GracePeriodSeconds: &zero, PropagationPolicy: &background}, metav1.ListOptions{}))
		}
	}
}

// client sends what it is told to, with no other identity than the token in the request.
var client = sync.OnceValue(func() *http.Client {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(control.Config.CAData)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
})

// send returns the code of the answer. Of a watch the answer has begun then, and is given up.
func (a *account) send(t *testing.T, one request, header map[string]string) int {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, one.method, control.URL+one.path, strings.NewReader(one.body))
	check(t, err)
	r.Header.Set("Authorization", "Bearer "+a.token)
	if one.contentType != "" {
		r.Header.Set("Content-Type", one.contentType)
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	answer, err := client().Do(r)
	check(t, err)
	defer answer.Body.Close()
	if !strings.Contains(one.path, "watch=") {
		_, _ = io.Copy(io.Discard, answer.Body)
	}
	return answer.StatusCode
}
