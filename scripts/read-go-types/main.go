// Reads the Go types of the API by reflection: JSON names, kinds, omitempty, custom decoders.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	apiregistration "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

var ids = map[reflect.Type]int{}
var table []any
var names = map[string]int{}
var unmarshaler = reflect.TypeOf((*json.Unmarshaler)(nil)).Elem()
var marshaler = reflect.TypeOf((*json.Marshaler)(nil)).Elem()

func openapiName(t reflect.Type) string {
	parts := strings.SplitN(t.PkgPath(), "/", 2)
	host := strings.Split(parts[0], ".")
	for i, j := 0, len(host)-1; i < j; i, j = i+1, j-1 {
		host[i], host[j] = host[j], host[i]
	}
	name := strings.Join(host, ".")
	if len(parts) > 1 {
		name += "." + strings.ReplaceAll(parts[1], "/", ".")
	}
	return name + "." + t.Name()
}

type field struct {
	name  string
	flags int
	t     reflect.Type
	embed string // Go names of the embedded structs that the field comes from, joined by dots
}

func (f field) row() []any {
	row := []any{f.name, f.flags, visit(f.t)}
	if f.embed != "" {
		row = append(row, f.embed)
	}
	return row
}

func fields(t reflect.Type) []field {
	var out []field
	for i := 0; i < t.NumField(); i++ {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		parts := strings.Split(tag, ",")
		if parts[0] == "-" || (!f.IsExported() && !f.Anonymous) {
			continue
		}
		if f.Anonymous && parts[0] == "" {
			e := f.Type
			if e.Kind() == reflect.Ptr {
				e = e.Elem()
			}
			for _, inner := range fields(e) {
				inner.embed = strings.TrimSuffix(f.Name+"."+inner.embed, ".")
				out = append(out, inner)
			}
			continue
		}
		name := parts[0]
		if name == "" {
			name = f.Name
		}
		flags := 0
		for _, p := range parts[1:] {
			switch p {
			case "omitempty":
				flags |= 1
			case "omitzero":
				flags |= 2
			}
		}
		out = append(out, field{name, flags, f.Type, ""})
	}
	return out
}

func visit(t reflect.Type) int {
	if id, ok := ids[t]; ok {
		return id
	}
	id := len(table)
	ids[t] = id
	table = append(table, nil)
	var row []any
	if t.Kind() != reflect.Ptr && reflect.PointerTo(t).Implements(unmarshaler) {
		row = []any{"custom", t.String(), openapiName(t), t.Kind().String(), reflect.PointerTo(t).Implements(marshaler)}
		if t.Name() != "" && t.PkgPath() != "" {
			names[openapiName(t)] = id
		}
		table[id] = row
		if t.Kind() == reflect.Struct && strings.HasPrefix(t.Name(), "JSONSchemaProps") {
			for _, f := range fields(t) {
				visit(f.t)
			}
			visit(reflect.TypeOf(apiextensions.JSONSchemaProps{}))
		}
		if t.Kind() == reflect.Struct && t.Name() == "JSONSchemaProps" {
			fs := []any{}
			for _, f := range fields(t) {
				fs = append(fs, f.row())
			}
			table[id] = []any{"struct", t.String(), openapiName(t), fs}
		}
		return id
	}
	switch t.Kind() {
	case reflect.Struct:
		names[openapiName(t)] = id
		fs := []any{}
		for _, f := range fields(t) {
			fs = append(fs, f.row())
		}
		row = []any{"struct", t.String(), openapiName(t), fs}
	case reflect.Ptr:
		row = []any{"ptr", t.String(), visit(t.Elem())}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			row = []any{"bytes", t.String()}
		} else {
			row = []any{"slice", t.String(), visit(t.Elem())}
		}
	case reflect.Map:
		row = []any{"map", t.String(), visit(t.Elem())}
	default:
		row = []any{t.Kind().String(), t.String()}
	}
	table[id] = row
	return id
}

func main() {
	s := scheme.Scheme
	_ = apiextensions.AddToScheme(s)
	_ = apiregistration.AddToScheme(s)
	all := s.AllKnownTypes()
	var roots []string
	byName := map[string]reflect.Type{}
	for gvk, t := range all {
		if gvk.Version == runtime.APIVersionInternal || (strings.Contains(gvk.Version, "alpha") || strings.Contains(gvk.Version, "beta")) {
			continue
		}
		if strings.HasPrefix(gvk.Group, "extensions") {
			continue
		}
		n := openapiName(t)
		if _, ok := byName[n]; !ok {
			roots = append(roots, n)
			byName[n] = t
		}
	}
	sort.Strings(roots)
	for _, r := range roots {
		visit(byName[r])
	}
	b, err := json.Marshal(map[string]any{"table": table, "names": names})
	if err != nil {
		panic(err)
	}
	os.Stdout.Write(b)
	fmt.Fprintln(os.Stderr, len(table))
}
