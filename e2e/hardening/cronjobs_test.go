package hardening

import (
	"fmt"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rampart.dev/e2e/poll"
)

const (
	yearly      = "0 0 1 1 *"
	everyMinute = "* * * * *"
)

func (s *story) makeCronJob(name, schedule string, i image) {
	s.Helper()
	pod, zero := template(name, i), int32(0)
	pod.Spec.RestartPolicy = corev1.RestartPolicyNever
	_, err := s.Client.BatchV1().CronJobs(s.name).Create(s.Context(), &batchv1.CronJob{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: batchv1.CronJobSpec{
			Schedule:    schedule,
			JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{BackoffLimit: &zero, Template: pod}},
		},
	}, metav1.CreateOptions{})
	s.must(err)
}

// cronJobIs checks what the mark says, and whether something is filled in.
func (s *story) cronJobIs(name, want string, isFilled bool) error {
	c, err := s.Client.BatchV1().CronJobs(s.name).Get(s.Context(), name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	context := c.Spec.JobTemplate.Spec.Template.Spec.Containers[0].SecurityContext
	if got := phase(c.Annotations); got != want || (context != nil) != isFilled {
		return fmt.Errorf("%s: phase %q, expected %q; it has %v; %s", name, got, want, context, c.Annotations[markAnnotation])
	}
	return nil
}

// jobIs waits for a condition of a Job.
func (s *story) jobIs(name string, want batchv1.JobConditionType) {
	s.Helper()
	s.within(func() error {
		j, err := s.Client.BatchV1().Jobs(s.name).Get(s.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, c := range j.Status.Conditions {
			if c.Type == want && c.Status == corev1.ConditionTrue {
				return nil
			}
		}
		return fmt.Errorf("Job %s is not %s: %v", name, want, j.Status)
	})
}

// A CronJob is filled in before anything runs. Its next Job tells whether that stays: here one that its owner starts by
// hand. Where that fails the CronJob has no news of it; a process looks for it when it begins, and every ten minutes; so
// one begins. Until then this has the operator for itself.
func TestNextJobOfACronJobTells(t *testing.T) {
	s := begin(t, "cron")
	s.makeCronJob("fine", yearly, image{User: "1000"})
	s.makeCronJob("crash", yearly, image{User: "1000", BreaksOn: []string{"capabilities"}})
	s.enforce()
	for _, name := range []string{"fine", "crash"} {
		s.within(func() error { return s.cronJobIs(name, "Pending", true) })
		_, err := s.RunKubectl(t.Context(), "--namespace", s.name, "create", "job", name+"-now", "--from", "cronjob/"+name)
		s.must(err)
	}
	s.jobIs("fine-now", batchv1.JobComplete)
	s.jobIs("crash-now", batchv1.JobFailed)
	s.must(s.rampart.Kill())
	s.must(s.rampart.Start(t.Context()))
	t.Parallel()
	s.within(func() error { return s.cronJobIs("fine", "Proven", true) })
	s.within(func() error { return s.cronJobIs("crash", "Reverted", false) })
	s.within(func() error {
		if count, note := s.events("Reverted", "crash"); count == 0 || !strings.Contains(note, "pod crash-now-") {
			return fmt.Errorf("crash: %d Events, the last: %s", count, note)
		}
		return nil
	})
	s.deleteProfile()
	s.must(s.cronJobIs("fine", "", false))
}

// What becomes of a Job is news of its CronJob: the proof comes with it, and not with the next look in ten minutes.
func TestJobThatEndsIsNewsOfItsCronJob(t *testing.T) {
	t.Parallel()
	s := begin(t, "cron-news")
	s.makeCronJob("fine", everyMinute, image{User: "1000"})
	s.makeCronJob("crash", everyMinute, image{User: "1000", BreaksOn: []string{"capabilities"}})
	s.makeCronJob("by-hand", yearly, image{User: "1000"})
	s.enforce()
	s.within(func() error { return s.cronJobIs("by-hand", "Pending", true) })
	s.kubectl("", "create", "job", "now", "--from", "cronjob/by-hand")
	s.within(func() error { return s.cronJobIs("by-hand", "Proven", true) })
	const twoMinutes = 150 * time.Second // the first Job may have begun before the fill
	s.must(poll.Until(twoMinutes, func() error { return s.cronJobIs("fine", "Proven", true) }))
	s.must(poll.Until(twoMinutes, func() error { return s.cronJobIs("crash", "Reverted", false) }))
	s.deleteProfile()
}
