package oracle

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
)

const ourFields = `[{"manager":"rampart","operation":"Update","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:template":{"f:spec":
	{"f:containers":{"k:{\"name\":\"app\"}":{"f:securityContext":{"f:allowPrivilegeEscalation":{}}}}}}}}}]`

// state is a Deployment of one container, as of a resourceVersion.
func state(t *testing.T, number uint64, fields, annotations, container string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	text := fmt.Sprintf(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"a","uid":"u","generation":1,
		"resourceVersion":"%d","managedFields":%s,"annotations":%s},
		"spec":{"template":{"spec":{"containers":[{"name":"app","image":"i"%s}]}}}}`, number, fields, annotations, container)
	if err := o.UnmarshalJSON([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return o
}

func write(o *unstructured.Unstructured, number uint64, isOurs bool) version {
	asked := fmt.Sprintf(`{"metadata":{"uid":"u","resourceVersion":"%d"}}`, number-1)
	return version{resource: "deployments", number: number, after: o, isOurs: isOurs, event: auditv1.Event{
		Verb: "patch", ObjectRef: &auditv1.ObjectReference{}, RequestObject: &runtime.Unknown{Raw: []byte(asked)},
	}}
}

func TestJudgeLetsAFillAndItsTakingBackPassAndNothingElse(t *testing.T) {
	const filled = `,"securityContext":{"allowPrivilegeEscalation":false}`
	const applied = `{"kubectl.kubernetes.io/last-applied-configuration":
		"{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"app\",\"securityContext\":{\"allowPrivilegeEscalation\":%s}}]}}}}"}`
	for _, test := range []struct {
		name                 string
		first, second, third string // containers: as made, after one write of Rampart's, after another
		notes                string
		wrong                string // "" is none
	}{
		{"filled in", "", filled, filled, "{}", ""},
		{"filled in and taken back", "", filled, "", "{}", ""},
		{"a null is no statement", "", filled, "", fmt.Sprintf(applied, "null"), ""},
		{"stated by kubectl apply", "", filled, "", fmt.Sprintf(applied, "false"), "is also kubectl apply's"},
		{"another image", "", `,"imagePullPolicy":"Never"`, `,"imagePullPolicy":"Never"`, "{}", "is not Rampart's"},
		{"loosened", "", `,"securityContext":{"allowPrivilegeEscalation":true}`, "", "{}", "does not harden"},
		{"a stated value", `,"securityContext":{"allowPrivilegeEscalation":true}`, filled, filled, "{}", "was stated"},
		{"what somebody else stated", filled, "", "", "{}", "has not filled it in"},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := newJudge()
			j.take(write(state(t, 1, "[]", test.notes, test.first), 1, false))
			j.take(write(state(t, 2, ourFields, test.notes, test.second), 2, true))
			j.take(write(state(t, 3, ourFields, test.notes, test.third), 3, true))
			said := strings.Join(j.wrong, "\n")
			if (test.wrong == "") != (said == "") || !strings.Contains(said, test.wrong) {
				t.Errorf("want %q, got %q", test.wrong, said)
			}
		})
	}
}

func TestJudgeWantsTheVersionThatAWriteRestsOn(t *testing.T) {
	j := newJudge()
	j.take(write(state(t, 1, "[]", "{}", ""), 1, false))
	j.take(write(state(t, 7, ourFields, "{}", ""), 7, true))
	if said := strings.Join(j.wrong, "\n"); !strings.Contains(said, `rests on resourceVersion "6", the version before is 1`) {
		t.Errorf("got %q", said)
	}
}
