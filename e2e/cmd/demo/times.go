package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/watch"
)

// showTimes prints a table: policies down, namespaces across.
func (d *demo) showTimes(begin time.Time, namespaces []string) {
	type place struct{ namespace, name string }
	first, last := map[place]time.Duration{}, map[string]time.Duration{}
	names := []string{}
	for _, s := range d.policies.since(begin) {
		at, took := place{s.object.GetNamespace(), s.object.GetName()}, s.at.Sub(begin)
		if !slices.Contains(namespaces, at.namespace) {
			continue
		}
		if _, ok := first[at]; !ok && s.event == watch.Added {
			first[at] = took
		}
		if !slices.Contains(names, at.name) {
			names = append(names, at.name)
		}
		last[at.namespace] = took
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(strings.Compare(kindOf(a), kindOf(b)), strings.Compare(a, b))
	})
	line := func(title string, cell func(namespace string) string) {
		text := pad(title, 36)
		for _, namespace := range namespaces {
			text += fmt.Sprintf("%12s", cell(namespace))
		}
		d.block(text)
	}
	line("", func(namespace string) string { return namespace })
	for _, name := range names {
		line(name, func(namespace string) string {
			if took, ok := first[place{namespace, name}]; ok {
				return fmt.Sprintf("%.1f", float64(took)/float64(time.Millisecond))
			}
			return "-"
		})
	}
	line("the deny carries nothing any more", func(namespace string) string {
		return fmt.Sprintf("%.1f", float64(last[namespace])/float64(time.Millisecond))
	})
}

// kindOf sorts policies about as they come: those for backends, the deny, the allows.
func kindOf(name string) string {
	switch {
	case strings.HasPrefix(name, "rampart-allow-backend-"):
		return "0"
	case name == denyName:
		return "1"
	}
	return "2"
}
