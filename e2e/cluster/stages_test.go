package cluster

import "testing"

func TestALaterStageReplacesOneOfTheSameName(t *testing.T) {
	first := "kind: Stage\nmetadata: {name: a}\nspec: 1\n---\nkind: Stage\nmetadata: {name: b}\nspec: 1\n"
	second := "kind: Stage\nmetadata: {name: a}\nspec: 2\n"
	want := "kind: Stage\nmetadata:\n  name: a\nspec: 2\n---\nkind: Stage\nmetadata:\n  name: b\nspec: 1\n"
	got, err := mergeStages([]string{first, second})
	if err != nil || string(got) != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	if _, err := mergeStages([]string{"kind: Stage\nspec: 1\n"}); err == nil {
		t.Error("a stage without a name was taken")
	}
}
