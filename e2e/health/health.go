// Package health says what Argo CD shows of a SecurityProfile, by the check that deploy/argocd has for it: by the same
// interpreter of Lua, with the same libraries and nothing else.
package health

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const limit = time.Second // Argo CD's own

// Status is what a check gives.
type Status struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

// Of runs a check on an object.
func Of(check string, object *unstructured.Unstructured) (status Status, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	l := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer l.Close()
	l.SetContext(ctx)
	for name, open := range map[string]lua.LGFunction{
		lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable, lua.StringLibName: lua.OpenString,
	} {
		if err := l.CallByParam(lua.P{Fn: l.NewFunction(open), Protect: true}, lua.LString(name)); err != nil {
			return status, err
		}
	}
	l.SetGlobal("obj", toLua(l, object.Object))
	if err := l.DoString(check); err != nil {
		return status, err
	}
	table, ok := l.Get(-1).(*lua.LTable)
	if !ok {
		return status, fmt.Errorf("the check returns %s, expected a table", l.Get(-1).Type())
	}
	fields := map[string]string{}
	table.ForEach(func(name, value lua.LValue) { fields[name.String()] = value.String() })
	text, err := json.Marshal(fields)
	if err != nil {
		return status, err
	}
	return status, json.Unmarshal(text, &status)
}

func toLua(l *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case map[string]any:
		table := l.NewTable()
		for name, item := range value {
			table.RawSetString(name, toLua(l, item))
		}
		return table
	case []any:
		table := l.NewTable()
		for _, item := range value {
			table.Append(toLua(l, item))
		}
		return table
	case string:
		return lua.LString(value)
	case bool:
		return lua.LBool(value)
	case int64:
		return lua.LNumber(value)
	case float64:
		return lua.LNumber(value)
	default:
		return lua.LNil
	}
}
