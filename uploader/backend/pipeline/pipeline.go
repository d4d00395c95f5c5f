package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"shelfagent/uploader/ticket"
)

// answerTime is kept of the invocation's time: what has been done is then known to SQS, and not done again.
const answerTime = 2 * time.Second

// messageTime is more than a large frame takes. Whoever begins one with less may be ended in the middle of it, and then
// the whole batch comes again, and what was done of it is done again.
const messageTime = 30 * time.Second

// Pipeline handles the queue's messages. Get one from Open.
type Pipeline struct {
	s3    *s3.Client
	table *dynamodb.Client
	topic *sns.Client

	o Options
}

// Open connects to nothing yet. Region, endpoints and credentials are the SDK's default chain.
func Open(ctx context.Context, o Options) (*Pipeline, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		return nil, errors.New("AWS configuration: there is no region; AWS_REGION says which")
	}
	return open(cfg, o), nil
}

func open(cfg aws.Config, o Options) *Pipeline {
	// That S3 keeps no checksum is a flaw, and said as one.
	quiet := func(s3 *s3.Options) { s3.DisableLogOutputChecksumValidationSkipped = true }
	return &Pipeline{s3: s3.NewFromConfig(cfg, quiet), table: dynamodb.NewFromConfig(cfg), topic: sns.NewFromConfig(cfg), o: o}
}

// Serve answers events until the runtime ends the process. It does not return.
func (p *Pipeline) Serve(ctx context.Context) {
	lambda.StartWithOptions(p.Handle, lambda.WithContext(ctx))
}

// Handle works through a batch of the queue, and names the messages that have to come again. Its error, after which all
// come again, says that the function is wired up wrongly.
func (p *Pipeline) Handle(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
	if len(batch.Records) == 0 {
		return events.SQSEventResponse{}, errors.New("the event is not one of an SQS queue: it has no records")
	}
	for _, message := range batch.Records {
		if message.EventSource != "aws:sqs" || message.MessageId == "" {
			return events.SQSEventResponse{}, fmt.Errorf("the event is of %.40q, not of an SQS queue", message.EventSource)
		}
	}
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(-answerTime))
		defer cancel()
	}
	var again []events.SQSBatchItemFailure
	for i, message := range batch.Records {
		// The first is always begun: with a function that has little time, slowly is better than never.
		if i > 0 && late(ctx) {
			p.report(ctx, outcome{message: message.MessageId, result: Postponed})
			again = append(again, events.SQSBatchItemFailure{ItemIdentifier: message.MessageId})
			continue
		}
		if !p.message(ctx, message) {
			again = append(again, events.SQSBatchItemFailure{ItemIdentifier: message.MessageId})
		}
	}
	return events.SQSEventResponse{BatchItemFailures: again}, nil
}

func late(ctx context.Context) bool {
	end, ok := ctx.Deadline()
	return ok && time.Until(end) < messageTime
}

// message is whether nothing of it is left to do. One object's error does not keep the message's others waiting.
func (p *Pipeline) message(ctx context.Context, m events.SQSMessage) bool {
	objects, err := readMessage(m.Body, p.o.Bucket)
	if err != nil {
		p.report(ctx, outcome{message: m.MessageId, result: Failed, err: err})
		return false
	}
	done := true
	for _, object := range objects {
		began := p.o.Now()
		step := p.step(ctx, object)
		step.message, step.took = m.MessageId, p.o.Now().Sub(began)
		p.report(ctx, step)
		done = done && step.result != Failed
	}
	return done
}

// step takes one object all the way.
func (p *Pipeline) step(ctx context.Context, c created) outcome {
	if strings.HasPrefix(c.key, ticket.CanaryPrefix) {
		return outcome{finding: finding{object: object{created: c}}, result: Ignored}
	}
	f, err := p.examine(ctx, c)
	if err != nil {
		return outcome{finding: finding{object: object{created: c}}, result: Failed, err: err}
	}
	result, err := p.settle(ctx, f)
	return outcome{finding: f, result: result, err: err}
}

// settle makes known what was found. The note comes last: whatever ends before it is done again.
func (p *Pipeline) settle(ctx context.Context, f finding) (Result, error) {
	standing, err := p.record(ctx, f)
	if err != nil {
		return Failed, err
	}
	if standing == announced {
		return Duplicate, nil
	}
	if f.flaw != nil {
		err = p.tag(ctx, f.created)
	}
	if err == nil {
		err = p.announce(ctx, f)
	}
	if err == nil && standing == fresh {
		err = p.note(ctx, f)
	}
	if err != nil {
		return Failed, err
	}
	return f.result(), nil
}
