package main

import (
	"context"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// posture is what a profile's status says of workloads.
type posture struct {
	ObservedGeneration int64
	Workloads          struct{ Total, Compliant, Drifted, Exempt, Failed int }
	Rules              []struct {
		ID, Mode          string
		Pass, Fail, Error int
	}
	Rollouts struct{ Running, Waiting, Proven, Failed, Contested int }
}

func (d *demo) postureOf(ctx context.Context, profile string) (p posture, isCurrent bool, err error) {
	object, err := d.dynamic.Resource(profiles).Get(ctx, profile, metav1.GetOptions{})
	if err != nil {
		return p, false, err
	}
	text, err := json.Marshal(object.Object["status"])
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	return p, p.ObservedGeneration == object.GetGeneration(), err
}

// answers is how many of the required rules' answers are a pass, and how many there are.
func (p *posture) answers() (passed, asked int) {
	for _, rule := range p.Rules {
		if rule.Mode == "Require" {
			passed += rule.Pass
			asked += rule.Pass + rule.Fail + rule.Error
		}
	}
	return passed, asked
}

// score is one line of it.
func (p *posture) score() string {
	passed, asked := p.answers()
	return fmt.Sprintf("%d of %d workloads pass every required rule; %d of %d answers are a pass (%.0f %%)",
		p.Workloads.Compliant, p.Workloads.Total, passed, asked, 100*float64(passed)/float64(max(asked, 1)))
}
