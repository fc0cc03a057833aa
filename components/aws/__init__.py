"""The lake on AWS: Kinesis, Lambda, Firehose, S3, SNS and SQS, KMS."""
