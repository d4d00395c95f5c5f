package proof

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"net"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// subscribe makes a queue that the topic of frames tells, and returns its URL.
func subscribe(t *testing.T, cfg aws.Config, w world) string {
	t.Helper()
	queues := sqs.NewFromConfig(cfg)
	url := ask(queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("subscriber")})).or(t).QueueUrl
	arn := ask(queues.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: url, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameQueueArn},
	})).or(t).Attributes["QueueArn"]
	ask(sns.NewFromConfig(cfg).Subscribe(t.Context(), &sns.SubscribeInput{
		TopicArn: aws.String(w.names["topic"]), Protocol: aws.String("sqs"), Endpoint: &arn, Attributes: map[string]string{"RawMessageDelivery": "true"},
	})).or(t)
	return *url
}

func receive(t *testing.T, cfg aws.Config, queue string) []sqstypes.Message {
	t.Helper()
	return ask(sqs.NewFromConfig(cfg).ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &queue, MaxNumberOfMessages: 10, WaitTimeSeconds: 1})).or(t).Messages
}

func wantAnnounced(t *testing.T, cfg aws.Config, queue, key, digest string) {
	t.Helper()
	messages := receive(t, cfg, queue)
	if len(messages) != 1 {
		t.Fatalf("announced %d times", len(messages))
	}
	var said struct{ Result, Key, SHA256, Store, Camera string }
	if err := json.Unmarshal([]byte(*messages[0].Body), &said); err != nil {
		t.Fatal(err)
	}
	if said.Result != "valid" || said.Key != key || said.SHA256 != digest || said.Store != "4711" || said.Camera != "cam-3" {
		t.Errorf("announced: %+v", said)
	}
}

func wantRecorded(t *testing.T, cfg aws.Config, w world, key, digest string) {
	t.Helper()
	table := w.names["records"][strings.LastIndex(w.names["records"], "/")+1:]
	item := ask(dynamodb.NewFromConfig(cfg).GetItem(t.Context(), &dynamodb.GetItemInput{
		TableName: &table, Key: map[string]dynamotypes.AttributeValue{"key": &dynamotypes.AttributeValueMemberS{Value: key}},
	})).or(t).Item
	result, _ := item["result"].(*dynamotypes.AttributeValueMemberS)
	sha, _ := item["sha256"].(*dynamotypes.AttributeValueMemberS)
	if result == nil || result.Value != "valid" || sha == nil || sha.Value != digest || item["expires_at"] == nil {
		t.Errorf("the record: %v", item)
	}
}

// dialTo leads every connection to one address.
func dialTo(address string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}
}

func pemOf(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
