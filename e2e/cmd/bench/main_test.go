package main

import (
	"context"
	"errors"
	"slices"
	"testing"
)

func TestNumbersGrow(t *testing.T) {
	got, err := numbers("250, 500,1000")
	if err != nil || !slices.Equal(got, []int{250, 500, 1000}) {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{"", "0", "-1", "500,250", "5,5", "many", "1,"} {
		if got, err := numbers(text); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

func TestWrongUsageIsRefusedBeforeAnythingStarts(t *testing.T) {
	for _, args := range [][]string{{"--none"}, {"--scale", "x"}, {"more"}, {"--only", "x"}, {"soak", "--minutes", "1"}} {
		if err := run(context.Background(), args); !errors.Is(err, errUsage) {
			t.Errorf("%q: %v", args, err)
		}
	}
}
