"""A small program."""

import pulumi
import pulumi_aws as aws
import pulumi_snowflake as snowflake

config = pulumi.Config()
key = aws.kms.Key("key", description="d", enable_key_rotation=True)
bucket = aws.s3.Bucket("landing", force_destroy=True)
aws.s3.BucketVersioning("versions", bucket=bucket.bucket, versioning_configuration={"status": "Enabled"})
stream = aws.kinesis.Stream("ingress", shard_count=1, encryption_type="KMS", kms_key_id=key.arn)
db = snowflake.Database("db", name="LAKE")
raw = snowflake.Schema("raw", database=db.name, name="RAW")
me = aws.get_caller_identity()
pulumi.export("stream", stream.arn)
pulumi.export("account", me.account_id)
pulumi.export("secret", pulumi.Output.secret("s3cr3t"))
pulumi.export("fq", raw.fully_qualified_name)
