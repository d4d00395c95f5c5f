package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"shelfagent/agent/config"
	"shelfagent/agent/health"
)

// commandInProse is this program with its arguments, as prose names it: up to the first word that is no argument.
var commandInProse = regexp.MustCompile("(?:^|[\\s`(])shelf-agent((?: (?:[a-z][a-z-]*|--[a-z-]+))+)")

// TestEveryCommandThatIsNamedExists: a technician who is sent to a command must find it.
func TestEveryCommandThatIsNamedExists(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	sources := map[string]string{"README.md": string(readme), "reference.toml": string(config.Reference)}
	for _, c := range health.All() {
		sources["condition "+string(c.Code)] = c.Do
	}
	found := 0
	for source, text := range sources {
		for _, match := range commandInProse.FindAllStringSubmatch(text, -1) {
			words := strings.Fields(match[1])
			if words[0] == "shelf-agent" { // sudo -u shelf-agent shelf-agent …
				words = words[1:]
			}
			cmd, rest, err := rootCommand().Find(words)
			if err != nil || cmd == cmd.Root() && !strings.HasPrefix(words[0], "-") && !prose[words[0]] {
				t.Errorf("%s names `shelf-agent%s`, which is no command", source, match[1])
				continue
			}
			for _, word := range rest {
				if flag, isFlag := strings.CutPrefix(word, "--"); isFlag && cmd.Flags().Lookup(flag) == nil {
					t.Errorf("%s names `shelf-agent%s`, but there is no --%s", source, match[1], flag)
				}
			}
			found++
		}
	}
	if found < 10 {
		t.Errorf("only %d commands were found in the words; does the test still look for them?", found)
	}
}

// prose are words that follow the program's name where it is not run.
var prose = map[string]bool{"takes": true, "runs": true, "rejects": true, "and": true}
