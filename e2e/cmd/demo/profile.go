package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// profileText is the SecurityProfile of the demo, as a user would write it.
//
//go:embed profile.yaml
var profileText string

// showProfile prints the profiles as kubectl does.
func (d *demo) showProfile(ctx context.Context) error {
	out, err := d.run(ctx, "", "get", "secprof")
	if err == nil {
		d.command("kubectl get secprof", out)
	}
	return err
}

// status is the part of a profile's status that the demo waits for.
type status struct {
	ObservedGeneration int64
	Namespaces         struct{ Selected, Compliant, Drifted, Failed int }
	Conditions         []metav1.Condition
}

// awaitStatus waits until the profile's status, about its present spec, is as wanted. If it is not, the
// error says what it is instead.
func (d *demo) awaitStatus(ctx context.Context, begin time.Time, what string, isWanted func(status) bool) error {
	var last status
	_, err := d.profiles.await(ctx, reactLimit, what, begin, func(seen []sighting) bool {
		for _, s := range slices.Backward(seen) {
			if s.object.GetName() != profileName {
				continue
			}
			if text, err := json.Marshal(s.object.Object["status"]); err == nil {
				last = status{}
				_ = json.Unmarshal(text, &last)
			}
			return last.ObservedGeneration == s.object.GetGeneration() && isWanted(last)
		}
		return false
	})
	if err == nil || ctx.Err() != nil {
		return err
	}
	text := ""
	for _, c := range last.Conditions {
		text += fmt.Sprintf("\n  %s is %s: %s: %s", c.Type, c.Status, c.Reason, c.Message)
	}
	return fmt.Errorf("%w; SecurityProfile %s: %d of %d namespaces compliant, %d drifted, %d failed%s",
		err, profileName,
		last.Namespaces.Compliant, last.Namespaces.Selected, last.Namespaces.Drifted, last.Namespaces.Failed, text)
}

// profileFor is the profile without what this cluster has not.
func (d *demo) profileFor() string {
	text := profileText
	drop := func(key string) {
		lines := slices.DeleteFunc(strings.SplitAfter(text, "\n"), func(line string) bool {
			return strings.HasPrefix(strings.TrimSpace(line), key+": {}")
		})
		text = strings.Join(lines, "")
	}
	if d.dnsPods == nil {
		d.say("%s", d.yellow("No Service kube-dns was found, so the profile leaves out dns."))
		drop("dns")
	}
	if !d.apiServer.IsValid() {
		d.say("%s", d.yellow("Service default/kubernetes has no endpoints, so the profile leaves out apiServer."))
		drop("apiServer")
	}
	return text
}

// showConditions prints the profile's conditions.
func (d *demo) showConditions(ctx context.Context) error {
	const template = `{range .status.conditions[*]}{.type}{"\t"}{.status}{"\t"}{.reason}{"\t"}{.message}{"\n"}{end}`
	out, err := d.run(ctx, "", "get", "secprof", profileName, "--output", "jsonpath="+template)
	if err != nil {
		return err
	}
	for line := range strings.Lines(out) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		fields = append(fields, "", "", "")
		const indent = 35
		head := fmt.Sprintf("%-10s  %-6s %-*s", fields[0], fields[1], indent-19, fields[2])
		for _, part := range wrap(fields[3], d.width-len(margin)-indent) {
			d.block(head + part)
			head = pad("", indent)
		}
	}
	return nil
}
