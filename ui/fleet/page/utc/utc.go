// Package utc puts every moment of an answer of the API into UTC.
package utc

import (
	"encoding"
	"encoding/json"
	"reflect"
	"time"
)

// Copy is a copy of what the API answers, with every time.Time in UTC: a moment that came with the offset of its store
// keeps it on the pages alone. What a store told word by word, as a json.RawMessage, stays as it is, and so does v itself.
func Copy(v any) any {
	if v == nil {
		return nil
	}
	return zoner{}.copied(reflect.ValueOf(v)).Interface()
}

// zoner knows the types that may hold a moment.
type zoner map[reflect.Type]bool

// copied is a copy of v in UTC, or v itself where it cannot hold a moment.
func (z zoner) copied(v reflect.Value) reflect.Value {
	t := v.Type()
	if !z.timed(t) {
		return v
	}
	if at, ok := v.Interface().(time.Time); ok && t.Kind() == reflect.Struct {
		return reflect.ValueOf(at.UTC())
	}
	n := reflect.New(t).Elem()
	n.Set(v)
	switch t.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			n.Set(reflect.New(t.Elem()))
			n.Elem().Set(z.copied(v.Elem()))
		}
	case reflect.Interface:
		if !v.IsNil() {
			n.Set(z.copied(v.Elem()))
		}
	case reflect.Slice:
		if !v.IsNil() {
			n.Set(reflect.MakeSlice(t, v.Len(), v.Len()))
			z.each(n, v)
		}
	case reflect.Array:
		z.each(n, v)
	case reflect.Map:
		if !v.IsNil() {
			n.Set(reflect.MakeMapWithSize(t, v.Len()))
			for key, one := range v.Seq2() {
				n.SetMapIndex(key, z.copied(one))
			}
		}
	case reflect.Struct:
		z.fields(n)
	}
	return n
}

func (z zoner) each(n, v reflect.Value) {
	for i := range v.Len() {
		n.Index(i).Set(z.copied(v.Index(i)))
	}
}

// fields puts the fields of a copy into UTC, as far as they are written as JSON.
func (z zoner) fields(n reflect.Value) {
	for i := range n.NumField() {
		switch f := n.Type().Field(i); {
		case !written(f):
		case f.IsExported():
			n.Field(i).Set(z.copied(n.Field(i)))
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			z.fields(n.Field(i))
		}
	}
}

// written reports whether a field is written as JSON. What is not may be the board itself, and is not followed.
func written(f reflect.StructField) bool {
	return (f.IsExported() || f.Anonymous) && f.Tag.Get("json") != "-"
}

// timed reports whether a value of a type may hold a moment that is written as JSON by itself. A type that holds itself
// counts as one that may.
func (z zoner) timed(t reflect.Type) bool {
	if known, ok := z[t]; ok {
		return known
	}
	z[t] = true
	z[t] = z.holds(t)
	return z[t]
}

func (z zoner) holds(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Pointer:
		return z.timed(t.Elem())
	}
	if t == reflect.TypeFor[time.Time]() {
		return true
	}
	for _, own := range []reflect.Type{reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler]()} {
		if t.Implements(own) || reflect.PointerTo(t).Implements(own) {
			return false
		}
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map:
		return z.timed(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); written(f) && z.timed(f.Type) {
				return true
			}
		}
	}
	return false
}
