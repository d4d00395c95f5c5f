package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// AttrKey is the table's partition key, the object's, and AttrEnds its attribute for time to live.
const (
	AttrKey  = "key"
	AttrEnds = "expires_at"
)

// Attributes of a record that its conditions use; fields names the others.
const (
	attrVersion   = "version_id"
	attrResult    = "result"
	attrAnnounced = "announced"
)

// standing is what the table knew already.
type standing int

const (
	unknownStanding standing = iota
	fresh                    // the record is ours now, and not yet announced
	announced                // this version is recorded and announced: nothing is left to do
	outranked                // the record is of a valid version, and this one is invalid
)

// record writes what was found unless it is there, announced. Only PutItem is needed: where the condition fails,
// DynamoDB sends what is there.
func (p *Pipeline) record(ctx context.Context, f finding) (standing, error) {
	// Whatever is of the same version and not yet announced was left by a try that did not end.
	condition := "attribute_not_exists(#key) OR (#version = :version AND #announced = :no) OR "
	if f.flaw == nil {
		condition += "#version <> :version"
	} else {
		condition += "(#version <> :version AND #result = :invalid)"
	}
	in := &dynamodb.PutItemInput{
		TableName: aws.String(p.o.Table), Item: p.item(f, false), ConditionExpression: aws.String(condition),
		ExpressionAttributeNames: map[string]string{"#key": AttrKey, "#version": attrVersion, "#announced": attrAnnounced},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":version": text(f.version), ":no": &types.AttributeValueMemberBOOL{},
		},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	if f.flaw != nil { // DynamoDB refuses names that the condition does not use
		in.ExpressionAttributeNames["#result"] = attrResult
		in.ExpressionAttributeValues[":invalid"] = text(string(Invalid))
	}
	_, err := p.table.PutItem(ctx, in)
	var there *types.ConditionalCheckFailedException
	switch {
	case err == nil:
		return fresh, nil
	case !errors.As(err, &there):
		return unknownStanding, fmt.Errorf("recording it in %s: %w", p.o.Table, err)
	}
	version, ok := there.Item[attrVersion].(*types.AttributeValueMemberS)
	switch {
	case !ok:
		return unknownStanding, fmt.Errorf("recording it in %s: the item that is there is no record", p.o.Table)
	case version.Value == f.version:
		return announced, nil
	}
	return outranked, nil
}

// note records that it was announced, unless another version has taken the record since.
func (p *Pipeline) note(ctx context.Context, f finding) error {
	_, err := p.table.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: aws.String(p.o.Table), Item: p.item(f, true),
		ConditionExpression:       aws.String("#version = :version"),
		ExpressionAttributeNames:  map[string]string{"#version": attrVersion},
		ExpressionAttributeValues: map[string]types.AttributeValue{":version": text(f.version)},
	})
	var other *types.ConditionalCheckFailedException
	if err != nil && !errors.As(err, &other) {
		return fmt.Errorf("recording in %s that it was announced: %w", p.o.Table, err)
	}
	return nil
}

func (p *Pipeline) item(f finding, announced bool) map[string]types.AttributeValue {
	now := p.o.Now()
	item := map[string]types.AttributeValue{
		AttrKey: text(f.key), attrVersion: text(f.version), attrResult: text(string(f.result())),
		attrAnnounced: &types.AttributeValueMemberBOOL{Value: announced},
		AttrEnds:      number(now.Add(p.o.Keep).Unix()),
		"checked_at":  text(now.UTC().Format(time.RFC3339)),
		"bytes":       number(f.bytes),
	}
	for name, value := range f.fields() {
		item[name] = text(value)
	}
	if f.flaw == nil {
		item["width"], item["height"] = number(int64(f.picture.Width)), number(int64(f.picture.Height))
	}
	return item
}

// fields are the texts that record and announcement share, without those that are empty. What a rig has said of its
// frame is in the object's metadata; the store is the key's.
func (f finding) fields() map[string]string {
	fields := map[string]string{
		"store": f.store(), "rig": f.metadata["rig"], "camera": f.metadata["camera"], "captured_at": f.metadata["captured-at"],
		"content_type": f.contentType,
	}
	if found := digestInKey.FindStringSubmatch(f.key); found != nil && f.flaw == nil {
		fields["sha256"] = found[1]
	}
	if f.flaw != nil {
		fields["reason"], fields["detail"] = string(f.flaw.Reason), f.flaw.Detail
	}
	for name, value := range fields {
		if value == "" {
			delete(fields, name)
		}
	}
	return fields
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}
