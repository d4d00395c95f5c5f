// Package pipeline looks at each frame once it is in the bucket: is it what its ticket allowed, and a picture? It
// records the answer in DynamoDB and tells an SNS topic. It is an AWS Lambda function behind an SQS queue, which S3
// tells of each new object.
//
//	S3 ObjectCreated ──▶ SQS ──▶ Handle: examine ──▶ record ──▶ (tag) ──▶ announce ──▶ record: announced
//
// # What is examined
//
//	the key        is raw/<store>/… and contains a SHA-256
//	encryption     SSE-KMS with exactly Options.KMSKeyARN; asked before the bytes are, which another key would deny
//	size           not empty, at most Options.MaxBytes
//	digests        the stored SHA-256, the only one in the key and that of the bytes are one; no stored one is a flaw
//	the bytes      whatever Options.Validate says: the rig's own judgement, made again where no rig can bend it
//	content type   is what the bytes are
//
// # Promises
//
//  1. A flaw is a result, not an error: the object is tagged shelf-frame=invalid, recorded and announced with its
//     reason, and not tried again. What AWS could not do is an error: that message alone is tried again (partial batch
//     responses) and goes to the queue's dead-letter queue in the end. Nothing is both.
//  2. Unknown is never done. A message that cannot be understood, or that speaks of another bucket, is an error; nothing
//     that it names is touched.
//  3. Each object has one record that says result and version. A message that comes again changes nothing once its
//     object is announced. An invalid version never takes the place of a valid one's record.
//  4. An object is announced at least once. It is more than once only when the function ends, or DynamoDB fails, between
//     the topic's yes and the note of it, or when the same message is handled twice at the same time: SNS knows no
//     transaction with DynamoDB. Bucket, key and version in each message let subscribers tell.
//  5. Objects are handled one after the other: what is alive is one object of MaxBytes and what Validate needs. The
//     program keeps the collector within the function's memory, so that a batch of large ones takes no more than one.
//  6. Each object is one log line, with bucket, key, version, result and reason, that CloudWatch takes for metrics as well
//     (embedded metric format). No line holds a credential, a signature, or a byte of the object.
//  7. Records end by themselves, Options.Keep after they were made.
//  8. No message but a batch's first is begun with less than 30 seconds of the function's time left: it comes again, and
//     what the batch has achieved before stays done.
//
// # What it needs
//
//	s3:GetObject, s3:GetObjectVersion, s3:PutObjectTagging, s3:PutObjectVersionTagging   on the bucket's objects
//	kms:Decrypt                                                                          on the frames' key
//	dynamodb:PutItem                                                                     on the table
//	sns:Publish                                                                          on the topic, and its key
//
// It reads no table and lists no bucket. So S3 says "access denied" of an object that is gone, as it does to whoever may
// not list: that is an error, and ends in the dead-letter queue. With s3:ListBucket it is a flaw, "gone".
//
// # The table
//
// Its partition key is the object's key, "key"; "expires_at" is its attribute for time to live. The other attributes are
// named in record.go.
//
// # Assumptions
//
// The bucket is versioned, and what is in a version does not change. Without versions, two objects that follow each
// other at one key are told apart by nothing, and the second is taken for the first.
//
// # Limits
//
// Validate may need more memory for a large picture than the function has been given, and then calls a frame invalid
// that a rig has taken. How many pixels it has plays no part. Whoever raises the rigs' frame.max_memory raises the
// function's memory too: shelf-backend spends a quarter of it on decoding. Half is for an object of MaxBytes and its
// copy, so that the function needs four times MaxBytes as well.
//
// Validate cannot be stopped. A frame on which it spends the function's whole time ends the function, and what was done
// of its batch is examined once more; such frames end in the dead-letter queue.
package pipeline
