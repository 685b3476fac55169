package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	eventController = "rampart.dev/rampart"
	eventLimit      = 10 * time.Second
)

// awaitEvents waits for Events of Rampart in a namespace that are new since a moment and have the reason.
func (d *demo) awaitEvents(
	ctx context.Context, namespace, reason string, since time.Time, count int,
) (found []eventsv1.Event, err error) {
	what := fmt.Sprintf("Event %s in namespace %s", reason, namespace)
	err = until(ctx, eventLimit, what, func(ctx context.Context) (bool, error) {
		found = found[:0]
		list, err := d.client.EventsV1().Events(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for _, event := range list.Items {
			isOurs := event.ReportingController == eventController && event.Reason == reason
			if isOurs && !event.EventTime.Time.Before(since) {
				found = append(found, event)
			}
		}
		return len(found) >= count, nil
	})
	slices.SortFunc(found, func(a, b eventsv1.Event) int { return cmp.Compare(a.Note, b.Note) })
	return found, err
}

// showEvent prints an Event with all of its note, which kubectl would put on one line.
func (d *demo) showEvent(event eventsv1.Event) {
	kind := d.green(event.Type)
	if event.Type == corev1.EventTypeWarning {
		kind = d.yellow(event.Type)
	}
	object := event.Regarding.Name
	if event.Regarding.Namespace != "" && event.Regarding.Kind != "SecurityProfile" {
		object = event.Regarding.Namespace + "/" + object
	}
	d.block(fmt.Sprintf("%s  %s  %s %s", kind, event.Reason, event.Regarding.Kind, object))
	for _, line := range wrap(event.Note, d.width-2*len(margin)) {
		d.block(margin + line)
	}
}
