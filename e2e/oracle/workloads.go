package oracle

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	"rampart.dev/e2e/cluster"
	"rampart.dev/e2e/operator"
)

// AuditPolicy is what an API server has to record for WorkloadWrites: all writes to workloads, whoever makes them,
// with what was asked and what came of it, and Rampart's to pods.
const AuditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: RequestResponse
  verbs: [create, update, patch, delete]
  resources:
  - group: apps
    resources: [deployments, deployments/status, statefulsets, statefulsets/status, daemonsets, daemonsets/status]
  - {group: batch, resources: [cronjobs, cronjobs/status]}
- level: RequestResponse
  users: ["` + operator.User + `"]
  verbs: [create, update, patch, delete, deletecollection]
  resources: [{group: "", resources: [pods]}]
- level: Metadata
`

// WorkloadWrite is a write of Rampart's to a workload, or the deletion of a pod.
type WorkloadWrite struct {
	At            time.Time
	Resource      string // "deployments"
	Before, After *unstructured.Unstructured
	Filled        []string // paths of leaves that it filled in, marks left out
	TakenBack     []string
}

// Object is "deployments team-a/web".
func (w WorkloadWrite) Object() string {
	return w.Resource + " " + w.After.GetNamespace() + "/" + w.After.GetName()
}

// version is one state of a workload, and who brought it about.
type version struct {
	resource string
	number   uint64 // resourceVersion: of one etcd, so they are in one order
	after    *unstructured.Unstructured
	event    auditv1.Event
	isOurs   bool
}

// WorkloadWrites lists in order what Rampart wrote, since a place in the audit log, to workloads and pods of the
// namespaces whose names begin with prefix, and what is wrong with it. See judge.
func WorkloadWrites(c *cluster.Cluster, place int64, prefix string) (writes []WorkloadWrite, wrong []string, err error) {
	versions := []version{}
	j := newJudge()
	for event, err := range c.AuditEventsSince(place) {
		if err != nil {
			return nil, nil, err
		}
		v, err := read(event, prefix)
		if err != nil {
			return nil, nil, fmt.Errorf("audit log: %s: %w", event.RequestURI, err)
		}
		if v != nil {
			versions = append(versions, *v)
		}
	}
	slices.SortStableFunc(versions, func(a, b version) int { return cmp.Compare(a.number, b.number) })
	for _, v := range versions {
		if v.resource == "pods" {
			j.podIsDeleted(v)
		} else {
			j.take(v)
		}
	}
	return j.writes, j.wrong, nil
}

// read is the version that a write brought about; nil: it is none, or none of interest.
func read(event auditv1.Event, prefix string) (*version, error) {
	ref, isOurs := event.ObjectRef, event.User.Username == operator.User
	switch {
	case ref == nil || !strings.HasPrefix(ref.Namespace, prefix) || event.Level != auditv1.LevelRequestResponse:
		return nil, nil
	case event.ResponseStatus == nil || event.ResponseStatus.Code >= 300 || event.ResponseObject == nil:
		return nil, nil
	case ref.Subresource != "" && ref.Subresource != "status":
		return nil, nil
	case event.Verb == "delete" && !isOurs:
		return nil, nil
	}
	v := &version{resource: ref.Resource, event: event, isOurs: isOurs, after: &unstructured.Unstructured{}}
	if err := v.after.UnmarshalJSON(event.ResponseObject.Raw); err != nil {
		return nil, err
	}
	if v.after.GetKind() == "Status" { // of a deletion
		return nil, errors.New("the answer has no object")
	}
	var err error
	v.number, err = strconv.ParseUint(v.after.GetResourceVersion(), 10, 64)
	return v, err
}

// asked is what a patch of Rampart's says of the object that it is about.
type asked struct {
	Metadata struct {
		UID             string `json:"uid"`
		ResourceVersion string `json:"resourceVersion"`
	} `json:"metadata"`
	Preconditions struct {
		UID string `json:"uid"`
	} `json:"preconditions"` // of a deletion
}

func (v version) asked() (a asked, err error) {
	if v.event.RequestObject != nil {
		err = json.Unmarshal(v.event.RequestObject.Raw, &a)
	}
	return a, err
}

// template is the pod template of a workload.
func template(o *unstructured.Unstructured) (*corev1.PodTemplateSpec, error) {
	at := []string{"spec", "template"}
	if o.GetKind() == "CronJob" {
		at = []string{"spec", "jobTemplate", "spec", "template"}
	}
	raw, found, err := unstructured.NestedMap(o.Object, at...)
	if err != nil || !found {
		return nil, fmt.Errorf("no pod template: %v", err)
	}
	text, err := json.Marshal(raw)
	if err != nil {
		return nil, err
	}
	t := &corev1.PodTemplateSpec{}
	return t, json.Unmarshal(text, t)
}
