package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// Result is what became of one object or message. Metric filters and alarms know it by the member pipeline_result.
type Result string

// Results.
const (
	Valid     Result = "valid"
	Invalid   Result = "invalid"
	Duplicate Result = "duplicate" // it was announced before
	Ignored   Result = "ignored"   // a canary: no frame
	Failed    Result = "failed"    // it will be tried again
	Postponed Result = "postponed" // there was no time left for it: it comes again
)

// The tag of an object that failed.
const (
	TagKey     = "shelf-frame"
	TagInvalid = "invalid"
)

// MetricNamespace is where CloudWatch puts the metrics.
const MetricNamespace = "ShelfAgent/Pipeline"

func (f finding) result() Result {
	if f.flaw != nil {
		return Invalid
	}
	return Valid
}

// metricHead tells CloudWatch which members of a line are metrics (embedded metric format, version 0).
type metricHead struct {
	Timestamp         int64 // milliseconds
	CloudWatchMetrics [1]metricSet
}

type metricSet struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []metric
}

type metric struct{ Name, Unit string }

// outcome is what became of one object, or of a message that named none.
type outcome struct {
	finding
	result  Result
	err     error // of Failed
	message string
	took    time.Duration
}

// report writes the outcome's one line.
func (p *Pipeline) report(ctx context.Context, o outcome) {
	head := metricHead{Timestamp: p.o.Now().UnixMilli(), CloudWatchMetrics: [1]metricSet{{
		Namespace:  MetricNamespace,
		Dimensions: [][]string{{"pipeline_result"}},
		Metrics:    []metric{{"frames", "Count"}, {"bytes", "Bytes"}, {"milliseconds", "Milliseconds"}},
	}}}
	level := slog.LevelInfo
	line := []any{
		"_aws", head, "pipeline_result", o.result, "frames", 1, "bytes", o.bytes, "milliseconds", o.took.Milliseconds(),
		"message", o.message, "bucket", p.o.Bucket, "key", o.key, "version_id", o.version,
	}
	switch {
	case o.err != nil:
		level, line = slog.LevelError, append(line, "err", o.err.Error())
	case o.result == Postponed:
		level, line = slog.LevelWarn, append(line, "detail", fmt.Sprintf("the frames before it left less than %s of the function's time; it comes again", messageTime))
	case o.flaw != nil:
		level, line = slog.LevelWarn, append(line, "reason", o.flaw.Reason, "detail", o.flaw.Detail)
	}
	p.o.Log.Log(ctx, level, "pipeline", line...)
}
