package config

import (
	_ "embed" // the schema ships with the program
	"slices"

	"github.com/nightfill/nightfill/daemon/config/strict"
)

//go:embed store.schema.json
var schemaText []byte

// Schema returns the JSON Schema of the store file.
func Schema() []byte { return slices.Clone(schemaText) }

// Explain explains a key of the store file, such as window.start, devices.class or devices[2].class; "" is
// the whole file. An unknown key is an error that says what was perhaps meant.
func Explain(key string) (strict.Help, error) { return storeForm().Explain(schemaText, key) }
