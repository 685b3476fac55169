package oracle

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Annotations of Rampart's, and the one in which kubectl keeps what was applied.
const (
	FillAnnotation    = "rampart.dev/fill"    // of a pod template: the key of what was filled in
	RolloutAnnotation = "rampart.dev/rollout" // of a workload: the mark

	lastApplied = "kubectl.kubernetes.io/last-applied-configuration"
	manager     = "rampart"
)

// nodes are all values of an object by their path, whose elements are names, and [name] where a list has elements
// with names: "spec template spec containers [web] image". Objects are among them, as an object{}, and such lists
// as the names in their order.
type nodes map[string]any

type object struct{}

// list is a list of what has names.
type list string

// passing are nodes that every write may change.
var passing = []string{
	"metadata resourceVersion", "metadata generation", "metadata managedFields",
	"metadata annotations deprecated.daemonset.template.generation",
}

func nodesOf(o *unstructured.Unstructured) nodes {
	n := nodes{}
	n.add("", o.Object)
	for _, path := range passing {
		for name := range n {
			if name == path || strings.HasPrefix(name, path+" ") {
				delete(n, name)
			}
		}
	}
	return n
}

func (n nodes) add(path string, value any) {
	switch value := value.(type) {
	case map[string]any:
		n[path] = object{}
		for name, member := range value {
			n.add(strings.TrimPrefix(path+" "+name, " "), member)
		}
	case []any:
		names := []string{}
		for _, element := range value {
			member, _ := element.(map[string]any)
			name, _ := member["name"].(string)
			names = append(names, "["+name+"]")
			if name == "" { // no element has one, or they are told apart by something else
				n[path] = value
				return
			}
		}
		n[path] = list(strings.Join(names, ""))
		for i, element := range value {
			n.add(path+" "+names[i], element)
		}
	default:
		n[path] = value
	}
}

// change is one node that differs; nil is absent.
type change struct {
	path          string
	before, after any
}

func (c change) String() string {
	return fmt.Sprintf("%s: %s becomes %s", strings.ReplaceAll(c.path, " ", "."), text(c.before), text(c.after))
}

func text(value any) string {
	switch value.(type) {
	case nil:
		return "(absent)"
	case object:
		return "{}"
	}
	out, _ := json.Marshal(value) // it was JSON
	return string(out)
}

func (n nodes) changesTo(after nodes) (changes []change) {
	for path, value := range n {
		if now, ok := after[path]; !ok || !reflect.DeepEqual(value, now) {
			changes = append(changes, change{path, value, now})
		}
	}
	for path, value := range after {
		if _, ok := n[path]; !ok {
			changes = append(changes, change{path, nil, value})
		}
	}
	return changes
}

// below are the nodes at and under a path.
func (n nodes) below(path string) nodes {
	some := nodes{}
	for name, value := range n {
		if name == path || strings.HasPrefix(name, path+" ") {
			some[name] = value
		}
	}
	return some
}

// ours are the leaves that Rampart may fill in, with the objects around them.
var ours = regexp.MustCompile(`^(` + strings.Join([]string{
	`metadata annotations( rampart\.dev/rollout)?`,
	`spec( jobTemplate spec)? template metadata annotations( rampart\.dev/fill)?`,
	`spec( jobTemplate spec)? template spec securityContext( runAsNonRoot| seccompProfile( type)?)?`,
	`spec( jobTemplate spec)? template spec (init)?[cC]ontainers \[[^ ]+\] securityContext( runAsNonRoot| runAsUser|` +
		` allowPrivilegeEscalation| readOnlyRootFilesystem| seccompProfile( type)?| capabilities( drop)?)?`,
	`spec( jobTemplate spec)? template spec (init)?[cC]ontainers \[[^ ]+\] resources( (requests|limits)( (cpu|memory))?)?`,
}, "|") + `)$`)

// isHardening tells whether a value is one that may be filled in: another one would loosen, not harden.
func isHardening(path string, value any) bool {
	if _, ok := value.(object); ok {
		return true
	}
	switch path[strings.LastIndex(path, " ")+1:] {
	case "runAsNonRoot", "readOnlyRootFilesystem":
		return value == true
	case "allowPrivilegeEscalation":
		return value == false
	case "runAsUser":
		uid, ok := value.(int64)
		return ok && uid > 0
	case "type":
		return value == "RuntimeDefault"
	case "drop":
		return reflect.DeepEqual(value, []any{"ALL"})
	}
	_, ok := value.(string) // an amount, or an annotation
	return ok
}

func isMark(path string) bool {
	return strings.HasSuffix(path, " "+FillAnnotation) || path == "metadata annotations "+RolloutAnnotation
}

// owners are the managers whose managedFields have the node at a path, and kubectl where it was applied.
func owners(o *unstructured.Unstructured, path string) (names []string) {
	elements := strings.Split(path, " ")
	for _, entry := range o.GetManagedFields() {
		var fields any
		if entry.FieldsV1 == nil || json.Unmarshal(entry.FieldsV1.Raw, &fields) != nil {
			continue
		}
		for _, element := range elements {
			key := "f:" + element
			if strings.HasPrefix(element, "[") {
				key = fmt.Sprintf(`k:{"name":%q}`, strings.Trim(element, "[]"))
			}
			fields = member(fields, key)
		}
		if fields != nil {
			names = append(names, entry.Manager)
		}
	}
	applied := &unstructured.Unstructured{}
	if text := o.GetAnnotations()[lastApplied]; text != "" && applied.UnmarshalJSON([]byte(text)) == nil {
		if nodesOf(applied)[path] != nil { // null states that there is to be none
			names = append(names, "kubectl apply")
		}
	}
	return names
}

func member(value any, name string) any {
	object, _ := value.(map[string]any)
	return object[name]
}
