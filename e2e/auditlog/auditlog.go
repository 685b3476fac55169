// Package auditlog writes audit logs as a busy API server does, for tests and benchmarks of what reads them. The same
// arguments give the same bytes.
package auditlog

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"strings"
	"time"

	authnv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
)

// Namespaces, with so many ServiceAccounts each, that make requests in a busy log.
const (
	busyNamespaces = 50
	busyAccounts   = 4
	busyLines      = 20000 // different ones
)

var (
	verbs     = []string{"get", "get", "get", "list", "watch", "update", "patch", "create"}
	resources = []string{"pods", "configmaps", "secrets", "endpoints", "services", "events"}
	began     = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
)

// WriteBusy writes a log of about so many bytes, at level Metadata, as a cluster of 200 ServiceAccounts brings it about.
func WriteBusy(to io.Writer, size int64) error {
	random := rand.New(rand.NewSource(1))
	lines := make([][]byte, busyLines)
	for i := range lines {
		line, err := json.Marshal(busyEvent(random))
		if err != nil {
			return err
		}
		lines[i] = append(line, '\n')
	}
	out := bufio.NewWriterSize(to, 1<<20)
	for size > 0 {
		line := lines[random.Intn(len(lines))]
		if _, err := out.Write(line); err != nil {
			return err
		}
		size -= int64(len(line))
	}
	return out.Flush()
}

func busyEvent(random *rand.Rand) *auditv1.Event {
	home := fmt.Sprintf("team-%d", random.Intn(busyNamespaces))
	account := fmt.Sprintf("app-%d", random.Intn(busyAccounts))
	verb, resource := verbs[random.Intn(len(verbs))], resources[random.Intn(len(resources))]
	uri := "/api/v1/namespaces/" + home + "/" + resource
	ref := &auditv1.ObjectReference{Resource: resource, Namespace: home, APIVersion: "v1"}
	if verb != "list" && verb != "watch" {
		ref.Name = fmt.Sprintf("object-%d", random.Intn(30))
	}
	if ref.Name != "" && verb != "create" {
		uri += "/" + ref.Name
	} else if verb == "watch" {
		uri += "?allowWatchBookmarks=true&resourceVersion=123456&timeoutSeconds=423&watch=true"
	}
	at := metav1.NewMicroTime(began.Add(time.Duration(random.Intn(86400)) * time.Second))
	return &auditv1.Event{
		TypeMeta: metav1.TypeMeta{Kind: "Event", APIVersion: "audit.k8s.io/v1"},
		Level:    auditv1.LevelMetadata, AuditID: types.UID(fmt.Sprintf("%032x", random.Uint64())), Stage: auditv1.StageResponseComplete,
		RequestURI: uri, Verb: verb,
		User: authnv1.UserInfo{
			Username: "system:serviceaccount:" + home + ":" + account, UID: fmt.Sprintf("%032x", random.Uint64()),
			Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + home, "system:authenticated"},
			Extra: map[string]authnv1.ExtraValue{
				"authentication.kubernetes.io/credential-id": {fmt.Sprintf("JTI=%032x", random.Uint64())},
				"authentication.kubernetes.io/node-name":     {"node-3"},
				"authentication.kubernetes.io/pod-name":      {account + "-5d4f8c7b9-x2x7k"},
			},
		},
		SourceIPs: []string{"10.12.7.31"}, UserAgent: account + "/v1.4.2 (linux/amd64) kubernetes/8d2b1f0", ObjectRef: ref,
		ResponseStatus:           &metav1.Status{Code: 200},
		RequestReceivedTimestamp: at, StageTimestamp: at,
		Annotations: map[string]string{
			"authorization.k8s.io/decision": "allow",
			"authorization.k8s.io/reason": fmt.Sprintf(`RBAC: allowed by RoleBinding "%s/%s" of Role "%s" to ServiceAccount "%s/%s"`,
				account, home, account, account, home),
		},
	}
}

// WriteWide writes a log with more in it than anybody can remember: many ServiceAccounts, each with rights of its own,
// and names that are long and never the same.
func WriteWide(to io.Writer) error {
	const accounts, rights = 5000, 20
	out := bufio.NewWriterSize(to, 1<<20)
	for i := range accounts * rights {
		name := fmt.Sprintf("%0200d", i)
		_, err := fmt.Fprintf(out, `{"kind":"Event","apiVersion":"audit.k8s.io/v1","stage":"ResponseComplete","verb":"get",`+
			`"user":{"username":"system:serviceaccount:wide:account-%d"},"objectRef":{"resource":"kind-%d","namespace":"%s","name":"%s"},`+
			`"annotations":{"authorization.k8s.io/decision":"allow"}}`+"\n", i%accounts, i/accounts, strings.Repeat("n", 40), name)
		if err != nil {
			return err
		}
	}
	return out.Flush()
}
