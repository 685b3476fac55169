package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	yamlutil "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// mergeStages joins YAML streams of kwok stages into one. Of two with the same name the later one holds.
func mergeStages(streams []string) ([]byte, error) {
	order := []string{}
	byName := map[string][]byte{}
	for _, stream := range streams {
		decoder := yamlutil.NewYAMLOrJSONDecoder(strings.NewReader(stream), 4096)
		for {
			var stage unstructured.Unstructured
			err := decoder.Decode(&stage)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, fmt.Errorf("kwok stages: %w", err)
			}
			name := stage.GetName()
			if name == "" {
				return nil, errors.New("kwok stages: one has no name")
			}
			text, err := yaml.Marshal(stage.Object)
			if err != nil {
				return nil, err
			}
			if _, ok := byName[name]; !ok {
				order = append(order, name)
			}
			byName[name] = text
		}
	}
	joined := [][]byte{}
	for _, name := range order {
		joined = append(joined, byName[name])
	}
	return bytes.Join(joined, []byte("---\n")), nil
}
