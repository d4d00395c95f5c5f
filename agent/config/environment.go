package config

import (
	"fmt"
	"slices"
	"strings"

	"shelfagent/agent/config/strict"
)

// EnvironmentPrefix begins the name of each variable that sets a key: SHELF_AGENT_UPLOAD_RATE is upload.rate. No other
// variable may begin so, because one that is misspelt would be ignored, and be missed weeks later.
const EnvironmentPrefix = "SHELF_AGENT_"

// Variable is the environment variable that sets a key: its name in capital letters, with _ for each dot.
func Variable(key string) string {
	return EnvironmentPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// EnvironmentKeys are the keys that a variable can set: not the form of the file, and nothing that is a table with
// names of its own, such as [camera], or a list of tables.
func EnvironmentKeys() []string {
	return slices.DeleteFunc(strict.Settable(Config{}), func(key string) bool { return key == "schema" })
}

// overrides are the values that an environment sets, and what is wrong with its names.
func overrides(environment []string) (set []strict.Override, wrong []strict.Problem) {
	byVariable := map[string]string{}
	var variables []string
	for _, key := range EnvironmentKeys() {
		byVariable[Variable(key)] = key
		variables = append(variables, Variable(key))
	}
	for _, entry := range slices.Sorted(slices.Values(environment)) {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, EnvironmentPrefix) {
			continue
		}
		from := "environment variable " + name
		if key, ok := byVariable[name]; ok {
			set = append(set, strict.Override{From: from, Key: key, Value: value})
			continue
		}
		wrong = append(wrong, strict.Problem{File: from, Message: foreign(variables, name)})
	}
	return set, wrong
}

// foreign says what is wrong with a variable that sets nothing.
func foreign(variables []string, name string) string {
	for _, key := range strict.Keys(Config{}) {
		if v := Variable(key); !slices.Contains(variables, v) && (name == v || strings.HasPrefix(name, v+"_")) && !isPlainTable(key) {
			return fmt.Sprintf("%s can be set in the file only", key)
		}
	}
	message := "sets no key of the configuration"
	if near := strict.Nearest(variables, name); near != "" {
		return message + fmt.Sprintf("; did you mean %s?", near)
	}
	return message + "; its name is " + EnvironmentPrefix + ", then the key in capital letters with _ for each dot, as in " + Variable("upload.rate")
}

// isPlainTable tells a table whose keys variables can set.
func isPlainTable(key string) bool {
	return slices.ContainsFunc(EnvironmentKeys(), func(k string) bool { return strings.HasPrefix(k, key+".") })
}

// credentials is the folder in which systemd shows a service its credentials; see systemd.exec(5).
func credentials(environment []string) string {
	for _, entry := range environment {
		if folder, ok := strings.CutPrefix(entry, "CREDENTIALS_DIRECTORY="); ok {
			return folder
		}
	}
	return ""
}
