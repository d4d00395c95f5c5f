package terraform

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryAlarmHasItsSteps: whoever is woken up finds the alarm's name in the runbook.
func TestEveryAlarmHasItsSteps(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	alarms := alarmNames(t)
	if len(alarms) < 16 {
		t.Errorf("only %d alarms were found: %v", len(alarms), alarms)
	}
	for _, name := range alarms {
		if !strings.Contains(string(readme), "`"+name+"`") {
			t.Errorf("README.md does not say what to do about the alarm %s", name)
		}
	}
}

// alarmNames are without the name of the deployment, and for functions without theirs.
func alarmNames(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("modules/*/*.tf")
	if err != nil {
		t.Fatal(err)
	}
	literal := regexp.MustCompile(`alarm_name += "\$\{(var|local)\.name\}-([a-z0-9-]+)"`)
	watched := regexp.MustCompile(`(?m)^    ([a-z-]+) = \{\n +what `)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range literal.FindAllStringSubmatch(string(text), -1) {
			if found[1] == "local" { // a submodule's own name
				found[2] = filepath.Base(filepath.Dir(file)) + "-" + found[2]
			}
			names = append(names, found[2])
		}
		for _, found := range watched.FindAllStringSubmatch(string(text), -1) {
			names = append(names, found[1])
		}
	}
	for _, function := range []string{"ticket-api", "pipeline"} {
		names = append(names, function+"-errors", function+"-throttles")
	}
	return names
}
