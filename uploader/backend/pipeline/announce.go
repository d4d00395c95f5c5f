package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
)

// announce tells the topic. Subscribers filter by the attributes result and store; the message is one JSON object whose
// members are those of the record, and its bucket.
func (p *Pipeline) announce(ctx context.Context, f finding) error {
	said := map[string]any{
		"bucket": p.o.Bucket, AttrKey: f.key, attrVersion: f.version, attrResult: f.result(), "bytes": f.bytes,
	}
	for name, value := range f.fields() {
		said[name] = value
	}
	if f.flaw == nil {
		said["width"], said["height"] = f.picture.Width, f.picture.Height
	}
	message, err := json.Marshal(said)
	if err != nil {
		return err
	}
	attributes := map[string]types.MessageAttributeValue{"result": attribute(string(f.result()))}
	if store := f.store(); store != "" {
		attributes["store"] = attribute(store)
	}
	_, err = p.topic.Publish(ctx, &sns.PublishInput{
		TopicArn: aws.String(p.o.TopicARN), Message: aws.String(string(message)), MessageAttributes: attributes,
		Subject: aws.String("shelf frame " + string(f.result())),
	})
	if err != nil {
		return fmt.Errorf("telling %s: %w", p.o.TopicARN[strings.LastIndex(p.o.TopicARN, ":")+1:], err)
	}
	return nil
}

func attribute(value string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
}
