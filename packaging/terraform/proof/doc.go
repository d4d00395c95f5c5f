// Package proof holds packaging/terraform against what it promises, on what it really makes. It has tests only.
//
// # What is proven
//
//	applied    the modules are applied to moto, a fake of AWS, and the settings are read back through the AWS SDK
//	a frame    goes through a ticket of the real backend into that cloud's S3, and through its pipeline
//	policies   the documents that came out are simulated: cases.toml has the stories, as AWS evaluates identity,
//	           boundary, bucket and endpoint policies together; and each refusal that is taken out is missed
//
// They run with `make test-terraform`, and say aloud what a machine lacks; in `go test ./...` they are skipped, because
// they take minutes. The policies of a deployment that is really there are simulated with what `terraform show -json`
// says of it, if it has the stores, roles and outputs of testdata/main.tf, which the stories name:
//
//	TERRAFORM_SHOW=$PWD/shown.json go test ./packaging/terraform/proof
//
// # Limits
//
// moto evaluates no policy, and the simulator is not AWS. What only AWS shows is that both have understood its
// documentation: nothing here replaces one upload, and one that is refused, in a real account. The simulator does not
// know the encryption context of KMS: that the key's policy demands it is asserted of the document.
package proof
