package hardening

import (
	"encoding/json"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

// imageAnnotation is on the pods of the stories: what the image that they do not have would be like.
const imageAnnotation = "e2e.rampart.dev/image"

// laterAfter is when pods change their mind that do so.
const laterAfter = 4 * time.Second

// image is what a pod's image is like to a kubelet.
type image struct {
	// User is the image's: "1000", "0", or a name and what it stands for, "nginx:101". Empty: the container
	// runtime does not tell whom it runs as.
	User string `json:"user,omitempty"`
	// Users are those of single containers.
	Users map[string]string `json:"users,omitempty"`
	// BreaksOn are fields of the security context that it cannot live with: readOnlyRootFilesystem,
	// allowPrivilegeEscalation, capabilities, seccompProfile; or "always".
	BreaksOn []string `json:"breaksOn,omitempty"`
	// How it fails then: "crash" (the default), "hang" (never ready), "late" (ready, and crashes a while after),
	// "slow" (not ready, and becomes so a while after).
	How string `json:"how,omitempty"`
}

func (i image) annotation() string {
	text, err := json.Marshal(i)
	if err != nil {
		panic(err) // strings do not fail
	}
	return string(text)
}

// ---- when: jq ----

const (
	isPlayed = `(.metadata.deletionTimestamp == null) and (.metadata.annotations["` + imageAnnotation + `"] != null)`
	isNew    = `(.status.phase == "Pending") and ((.status.containerStatuses // []) | length == 0)`
	isReady  = `any(.status.conditions[]?; .type == "Ready" and .status == "True")`
	isOfJob  = `any(.metadata.ownerReferences[]?; .kind == "Job")`
	waits    = `any((.status.containerStatuses // [])[]; .state.waiting != null)`

	vars = `(.metadata.annotations["` + imageAnnotation + `"] // "{}" | fromjson) as $image |
		(.spec.securityContext // {}) as $pod | ((.spec.initContainers // []) + .spec.containers) as $all | `

	// What a kubelet refuses to start: verifyRunAsNonRoot() of pkg/kubelet/kuberuntime.
	isRefused = vars + `any($all[]; ($image.users[.name] // $image.user) as $user |
		(.securityContext.runAsNonRoot | if . == null then $pod.runAsNonRoot else . end) == true and
		((.securityContext.runAsUser // $pod.runAsUser) as $uid |
			if $uid != null then $uid == 0 else $user != null and ($user == "0" or ($user | test("^[0-9]+$") | not)) end))`

	isBroken = vars + `($image.breaksOn // []) as $on | def breaks(f): ($on | index(f)) != null; breaks("always") or any($all[];
		(breaks("readOnlyRootFilesystem") and .securityContext.readOnlyRootFilesystem == true) or
		(breaks("allowPrivilegeEscalation") and .securityContext.allowPrivilegeEscalation == false) or
		(breaks("capabilities") and ((.securityContext.capabilities.drop // []) | index("ALL")) != null) or
		(breaks("seccompProfile") and (.securityContext.seccompProfile // $pod.seccompProfile) != null))`
)

func breaksBy(how string) string { return vars + `($image.how // "crash") == "` + how + `"` }

func not(query string) string { return "(" + query + ") | not" }

// ---- what: Go templates ----

const (
	user = `{{ $own := index ($image.users | default dict) .name | default $image.user }}
  {{ $uid := dig "securityContext" "runAsUser" (dig "runAsUser" "" $pod) . }}
  {{ if eq (toString $uid) "" }}{{ $uid = $own | default "" | splitList ":" | last }}{{ end }}
  {{ if ne (toString $uid) "" }}
  user: {linux: {uid: {{ int64 $uid }}, gid: {{ int64 $uid }}, supplementalGroups: []}}
  {{ end }}`

	head = `{{ $image := index .metadata.annotations "` + imageAnnotation + `" | fromJson }}
{{ $pod := .spec.securityContext | default dict }}
{{ $name := printf "%s_%s(%s)" .metadata.name .metadata.namespace .metadata.uid }}
{{ $now := Now }}
startTime: {{ $now | Quote }}
hostIP: {{ index (NodeIPsWith .spec.nodeName) 0 | Quote }}
podIP: {{ index (PodIPsWith .spec.nodeName false .metadata.uid .metadata.name .metadata.namespace) 0 | Quote }}
`
	// Sidecars run, the others have done their work.
	inits = `
initContainerStatuses:
{{ range .spec.initContainers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  ready: true
  restartCount: 0
  ` + user + `
  {{ if eq .restartPolicy "Always" }}
  started: true
  state: {running: {startedAt: {{ $now | Quote }}}}
  {{ else }}
  state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}
  {{ end }}
{{ end }}`

	notReady = `conditions:
- {type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }}}
- {type: Ready, status: "False", reason: ContainersNotReady, lastTransitionTime: {{ $now | Quote }}}
- {type: ContainersReady, status: "False", reason: ContainersNotReady, lastTransitionTime: {{ $now | Quote }}}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  ready: false
`

	refused = head + `phase: Pending
` + notReady + `  restartCount: 0
  started: false
  {{ $own := index ($image.users | default dict) .name | default $image.user }}
  {{ $why := "image will run as root" }}
  {{ if contains ":" ($own | default "") }}
  {{ $why = printf "image has non-numeric user (%s), cannot verify user is non-root" (splitList ":" $own | first) }}
  {{ end }}
  state:
    waiting:
      reason: CreateContainerConfigError
      message: {{ printf "container has runAsNonRoot and %s (pod: %q, container: %s)" $why $name .name | Quote }}
{{ end }}`

	crashed = head + `phase: Running
` + notReady + `  restartCount: 3
  started: false
  ` + user + `
  lastState:
    terminated: {exitCode: 1, reason: Error, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}
  state:
    waiting:
      reason: CrashLoopBackOff
      message: {{ printf "back-off 40s restarting failed container=%s pod=%s" .name $name | Quote }}
{{ end }}` + inits

	failedJob = head + `phase: Failed
` + notReady + `  restartCount: 0
  started: false
  state:
    terminated: {exitCode: 1, reason: Error, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}
{{ end }}` + inits

	hanging = head + `phase: Running
` + notReady + `  restartCount: 0
  started: true
  ` + user + `
  state: {running: {startedAt: {{ $now | Quote }}}}
{{ end }}` + inits

	ready = head + `phase: Running
conditions:
- {type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }}}
- {type: Ready, status: "True", lastTransitionTime: {{ $now | Quote }}}
- {type: ContainersReady, status: "True", lastTransitionTime: {{ $now | Quote }}}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  ready: true
  restartCount: 0
  started: true
  ` + user + `
  state: {running: {startedAt: {{ $now | Quote }}}}
{{ end }}` + inits
)

// stages make kwok play pods that say what their image is like. A weight above 0 goes before kwok's own stages.
func stages() string {
	all := []string{
		stage("image-refused", 0, refused, isNew, isRefused),
		stage("image-failed-job", 0, failedJob, isNew, isOfJob, isBroken, not(isRefused)),
		stage("image-crashed", 0, crashed, isNew, isBroken, breaksBy("crash"), not(isOfJob), not(isRefused)),
		stage("image-hanging", 0, hanging, isNew, isBroken, breaksBy("hang"), not(isOfJob), not(isRefused)),
		stage("image-slow", 0, hanging, isNew, isBroken, breaksBy("slow"), not(isOfJob), not(isRefused)),
		stage("image-late", 0, ready, isNew, isBroken, breaksBy("late"), not(isOfJob), not(isRefused)),
		stage("image-ready", 0, ready, isNew, not(isBroken), not(isRefused)),
		stage("image-late-crash", laterAfter, crashed, isReady, isBroken, breaksBy("late"), not(isOfJob)),
		stage("image-slow-ready", laterAfter, ready, not(isNew), not(isReady), not(isOfJob), breaksBy("slow"), isBroken),
		// Refused pods stay pending: kwok's own stage, which would make them ready, comes after a day.
		stage("image-refused-stays", 24*time.Hour, "phase: Pending", waits, `.status.phase == "Pending"`),
	}
	return strings.Join(all, "---\n")
}

func stage(name string, after time.Duration, status string, when ...string) string {
	matches := []any{}
	for _, query := range append([]string{isPlayed}, when...) {
		matches = append(matches, map[string]any{"key": query, "operator": "In", "values": []string{"true"}})
	}
	text, err := yaml.Marshal(map[string]any{
		"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage",
		"metadata": map[string]any{"name": name},
		"spec": map[string]any{
			"resourceRef": map[string]any{"apiGroup": "v1", "kind": "Pod"},
			"selector":    map[string]any{"matchExpressions": matches},
			"weight":      1,
			"delay":       map[string]any{"durationMilliseconds": after.Milliseconds()},
			"next":        map[string]any{"statusTemplate": status},
		},
	})
	if err != nil {
		panic(err) // strings do not fail
	}
	return string(text)
}
