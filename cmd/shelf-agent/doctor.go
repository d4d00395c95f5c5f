package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"shelfagent/agent/doctor"
)

func doctorCommand() *cobra.Command {
	var file *string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor [--config FILE]",
		Short: "Check every step from the capture folder to S3, and say what to do",
		Long: "Doctor walks the real path once: configuration, agent, capture folder and watches, disk, status page, clock, DNS,\n" +
			"TCP and TLS to the backend and to S3, identity, ticket, and a canary: a small picture of noise that goes the way of\n" +
			"a frame to S3, into a place of its own, until S3 has proven that it holds it. It takes a minute at most, works\n" +
			"whether the agent runs or not, and changes nothing on the rig. Run it as the agent's user: what root may do says\n" +
			"little about what the agent may, and others cannot read the device key.\n\n" +
			"With --json, each step is a line with one document: step, outcome (ok, warn, fail, skipped), saw, seconds; when\n" +
			"something is wrong means, do and the condition's code; where they apply host, addresses, private, signer,\n" +
			"clock_offset_seconds (the backend's clock is so far ahead) and key (the canary's).\n\n" +
			"Exit codes: 0 no step fails, 1 a step fails, 2 wrong command line or configuration.",
		Example: "  sudo -u shelf-agent shelf-agent doctor\n  sudo -u shelf-agent shelf-agent doctor --json",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r := &round{out: cmd.OutOrStdout(), json: asJSON}
			c, err := loadConfig(*file)
			if err != nil && !asJSON {
				return err // as every command says it: each mistake with its place
			}
			r.tell(configStep(*file, err))
			if err != nil {
				return errors.Join(r.err, exitError(exitUsage))
			}
			doctor.Walk(cmd.Context(), c, r.tell)
			r.sum()
			return r.verdict()
		},
	}
	file = configFlag(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document for each step, each on a line")
	return cmd
}

// configStep is the first step, which all others need.
func configStep(file string, err error) doctor.Result {
	r := doctor.Result{Step: "config", Outcome: doctor.OK, Saw: file + " is well-formed"}
	if err != nil {
		r.Outcome, r.Saw, r.Do = doctor.Fail, err.Error(), "Correct it; to try: shelf-agent config check "+file
		r.Means = "The agent does not start with it."
		var h hintedError
		if errors.As(err, &h) {
			r.Do = strings.ToUpper(h.hint[:1]) + h.hint[1:]
		}
	}
	return r
}

// round tells the steps as they come.
type round struct {
	out    io.Writer
	json   bool
	counts map[doctor.Outcome][]string
	hosts  []string // that a firewall has to let through
	err    error    // of writing, the first
}

func (r *round) tell(result doctor.Result) {
	if r.counts == nil {
		r.counts = map[doctor.Outcome][]string{}
	}
	r.counts[result.Outcome] = append(r.counts[result.Outcome], result.Step)
	if result.Host != "" && !slices.Contains(r.hosts, result.Host) {
		r.hosts = append(r.hosts, result.Host)
	}
	if r.json {
		r.note(json.NewEncoder(r.out).Encode(result))
		return
	}
	s := &sheet{out: r.out}
	s.par(fmt.Sprintf("%-8s ", strings.ToUpper(string(result.Outcome))), result.Step+": "+result.Saw)
	if result.Means != "" {
		s.par("         It means: ", result.Means)
	}
	if result.Do != "" {
		s.par("         What to do: ", result.Do)
	}
	r.note(s.err)
}

func (r *round) note(err error) {
	if r.err == nil {
		r.err = err
	}
}

// sum ends the round for people.
func (r *round) sum() {
	if r.json {
		return
	}
	s := &sheet{out: r.out}
	s.line("")
	if len(r.hosts) > 0 {
		s.line("A firewall has to let through, without TLS interception:")
		for _, host := range r.hosts {
			s.line("  " + plain(host))
		}
	}
	text := fmt.Sprintf("%d steps are well", len(r.counts[doctor.OK]))
	for _, o := range []doctor.Outcome{doctor.Warn, doctor.Fail, doctor.Skipped} {
		if names := r.counts[o]; len(names) > 0 {
			text += fmt.Sprintf("; %s: %s", o, strings.Join(names, ", "))
		}
	}
	s.par("", text+".")
	r.note(s.err)
}

func (r *round) verdict() error {
	if r.err != nil {
		return r.err
	}
	if len(r.counts[doctor.Fail]) > 0 {
		return exitError(exitFailed)
	}
	return nil
}
