package registry

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// What a table must have been made with: the partition key and the sort key, both texts, and the attribute for time to
// live.
const (
	AttrPart = "pk"
	AttrName = "sk"
	AttrEnds = "ttl"
)

const (
	attrVersion = "v"
	attrValue   = "body"

	// dynamoTimeout bounds one request with the SDK's own retries: a rig waits for the answer.
	dynamoTimeout = 10 * time.Second
	// unprocessedMost is how often what DynamoDB left undone of a read is asked for again.
	unprocessedMost = 5
)

// Dynamo is a Table in DynamoDB; package documentation has its attributes.
type Dynamo struct {
	client *dynamodb.Client
	table  string
}

var _ Table = (*Dynamo)(nil)

// OpenDynamoDB makes a Table of one that exists, and asks it once. Credentials are the SDK's default chain;
// AWS_ENDPOINT_URL_DYNAMODB is honoured.
func OpenDynamoDB(ctx context.Context, region, table string) (*Dynamo, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(region))
	if err != nil {
		return nil, fmt.Errorf("AWS configuration: %w", err)
	}
	d := &Dynamo{client: dynamodb.NewFromConfig(cfg), table: table}
	if _, err := d.Get(ctx, Key{Part: "meta", Name: "-"}); err != nil {
		return nil, err
	}
	return d, nil
}

// Close does nothing.
func (d *Dynamo) Close() error { return nil }

// Get reads consistently: a revocation that was written is seen.
func (d *Dynamo) Get(ctx context.Context, keys ...Key) ([]Record, error) {
	if len(keys) > maxRecords {
		return nil, fmt.Errorf("registry: %d records in one read, at most %d", len(keys), maxRecords)
	}
	ctx, cancel := context.WithTimeout(ctx, dynamoTimeout)
	defer cancel()
	wanted := map[Key]int{}
	found := make([]Record, len(keys))
	asked := types.KeysAndAttributes{ConsistentRead: aws.Bool(true)}
	for i, key := range keys {
		wanted[key], found[i] = i, Record{Key: key}
		asked.Keys = append(asked.Keys, itemKey(key))
	}
	rest := map[string]types.KeysAndAttributes{d.table: asked}
	for range unprocessedMost {
		answer, err := d.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: rest})
		if err != nil {
			return nil, d.wrap("reading", err)
		}
		for _, item := range answer.Responses[d.table] {
			record, err := fromItem(item)
			if err != nil {
				return nil, d.wrap("reading", err)
			}
			if i, ok := wanted[record.Key]; ok {
				found[i] = record
			}
		}
		if rest = answer.UnprocessedKeys; len(rest) == 0 {
			return found, nil
		}
	}
	return nil, d.wrap("reading", errors.New("it left a part of the read undone again and again; its capacity is too small"))
}

// Commit puts one record, or several in one transaction.
func (d *Dynamo) Commit(ctx context.Context, records ...Record) error {
	if len(records) > maxRecords {
		return fmt.Errorf("registry: %d records in one commit, at most %d", len(records), maxRecords)
	}
	ctx, cancel := context.WithTimeout(ctx, dynamoTimeout)
	defer cancel()
	puts := make([]types.TransactWriteItem, len(records))
	for i, record := range records {
		puts[i] = types.TransactWriteItem{Put: d.put(record)}
	}
	var err error
	if len(puts) == 1 {
		put := puts[0].Put
		_, err = d.client.PutItem(ctx, &dynamodb.PutItemInput{
			TableName: put.TableName, Item: put.Item, ConditionExpression: put.ConditionExpression,
			ExpressionAttributeNames: put.ExpressionAttributeNames, ExpressionAttributeValues: put.ExpressionAttributeValues,
		})
	} else {
		_, err = d.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: puts})
	}
	switch {
	case err == nil:
		return nil
	case isConflict(err):
		return ErrConflict
	default:
		return d.wrap("writing", err)
	}
}

// Part asks for a part, page by page.
func (d *Dynamo) Part(ctx context.Context, part string) ([]Record, error) {
	var found []Record
	pages := dynamodb.NewQueryPaginator(d.client, &dynamodb.QueryInput{
		TableName: aws.String(d.table), ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String("#p = :p"),
		ExpressionAttributeNames:  map[string]string{"#p": AttrPart},
		ExpressionAttributeValues: map[string]types.AttributeValue{":p": text(part)},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, d.wrap("reading", err)
		}
		for _, item := range page.Items {
			record, err := fromItem(item)
			if err != nil {
				return nil, d.wrap("reading", err)
			}
			found = append(found, record)
		}
	}
	return found, nil
}

func (d *Dynamo) wrap(doing string, err error) error {
	return fmt.Errorf("registry: %s DynamoDB table %s: %w", doing, d.table, err)
}

// put writes the record if its version is still the stored one.
func (d *Dynamo) put(r Record) *types.Put {
	item := itemKey(r.Key)
	item[attrVersion] = number(int64(r.Version) + 1)
	item[attrValue] = text(string(r.Value))
	if !r.Ends.IsZero() {
		item[AttrEnds] = number(r.Ends.Unix())
	}
	put := &types.Put{TableName: aws.String(d.table), Item: item}
	if r.Version == 0 {
		put.ConditionExpression = aws.String("attribute_not_exists(#k)")
		put.ExpressionAttributeNames = map[string]string{"#k": AttrPart}
		return put
	}
	put.ConditionExpression = aws.String("#v = :v")
	put.ExpressionAttributeNames = map[string]string{"#v": attrVersion}
	put.ExpressionAttributeValues = map[string]types.AttributeValue{":v": number(int64(r.Version))}
	return put
}

// isConflict tells a change by somebody else from every other reason for which DynamoDB cancels a transaction.
func isConflict(err error) bool {
	var condition *types.ConditionalCheckFailedException
	var conflict *types.TransactionConflictException
	var cancelled *types.TransactionCanceledException
	switch {
	case errors.As(err, &condition), errors.As(err, &conflict):
		return true
	case !errors.As(err, &cancelled):
		return false
	}
	found := false
	for _, reason := range cancelled.CancellationReasons {
		switch aws.ToString(reason.Code) {
		case "", "None":
		case "ConditionalCheckFailed", "TransactionConflict":
			found = true
		default:
			return false
		}
	}
	return found
}

func itemKey(k Key) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{AttrPart: text(k.Part), AttrName: text(k.Name)}
}

func fromItem(item map[string]types.AttributeValue) (Record, error) {
	part, ok1 := item[AttrPart].(*types.AttributeValueMemberS)
	name, ok2 := item[AttrName].(*types.AttributeValueMemberS)
	value, ok3 := item[attrValue].(*types.AttributeValueMemberS)
	version, ok4 := item[attrVersion].(*types.AttributeValueMemberN)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return Record{}, fmt.Errorf("an item lacks %s, %s, %s or %s: it is not the registry's", AttrPart, AttrName, attrVersion, attrValue)
	}
	r := Record{Key: Key{Part: part.Value, Name: name.Value}, Value: []byte(value.Value)}
	var err error
	if r.Version, err = strconv.ParseUint(version.Value, 10, 64); err != nil {
		return Record{}, fmt.Errorf("item %s %s: %w", r.Part, r.Name, err)
	}
	if ends, ok := item[AttrEnds].(*types.AttributeValueMemberN); ok {
		seconds, err := strconv.ParseInt(ends.Value, 10, 64)
		if err != nil {
			return Record{}, fmt.Errorf("item %s %s: %w", r.Part, r.Name, err)
		}
		r.Ends = time.Unix(seconds, 0).UTC()
	}
	return r, nil
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}
