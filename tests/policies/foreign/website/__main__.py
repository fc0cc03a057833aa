"""A static website: pages in a bucket, CloudFront in front of it, its logs in another bucket."""

import json

import pulumi
import pulumi_aws as aws

config = pulumi.Config()
domain = config.require("domain")
tags = {"Project": "website", "Owner": "marketing"}

pages = aws.s3.Bucket("pages", tags=tags)
aws.s3.BucketPublicAccessBlock(
    "pages",
    bucket=pages.id,
    block_public_acls=True,
    block_public_policy=True,
    ignore_public_acls=True,
    restrict_public_buckets=True,
)
aws.s3.BucketVersioning("pages", bucket=pages.id, versioning_configuration={"status": "Enabled"})

for path, text in {"index.html": "<h1>Hello</h1>", "404.html": "<h1>Not here</h1>"}.items():
    aws.s3.BucketObject(
        path,
        bucket=pages.id,
        key=path,
        source=pulumi.StringAsset(text),
        content_type="text/html",
        tags=tags,
    )

# Downloads are older than the rest of the site, and still served by the bucket itself.
downloads = aws.s3.Bucket("downloads", force_destroy=True, tags=tags)
aws.s3.BucketWebsiteConfiguration("downloads", bucket=downloads.id, index_document={"suffix": "index.html"})
downloads_open = aws.s3.BucketPublicAccessBlock(
    "downloads", bucket=downloads.id, block_public_acls=False, block_public_policy=False
)
aws.s3.BucketPolicy(
    "downloads",
    bucket=downloads.id,
    policy=downloads.arn.apply(
        lambda arn: json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"{arn}/*"}
                ],
            }
        )
    ),
    opts=pulumi.ResourceOptions(depends_on=[downloads_open]),
)

logs = aws.s3.Bucket("logs")
aws.s3.BucketOwnershipControls("logs", bucket=logs.id, rule={"object_ownership": "BucketOwnerPreferred"})
aws.s3.BucketLifecycleConfiguration(
    "logs", bucket=logs.id, rules=[{"id": "expire", "status": "Enabled", "expiration": {"days": 90}}]
)

certificate = aws.acm.Certificate("certificate", domain_name=domain, validation_method="DNS", tags=tags)
zone = aws.route53.Zone("zone", name="example.org", tags=tags)
option = certificate.domain_validation_options[0]
validation = aws.route53.Record(
    "validation",
    zone_id=zone.zone_id,
    name=option.resource_record_name,
    type=option.resource_record_type,
    records=[option.resource_record_value],
    ttl=600,
)
validated = aws.acm.CertificateValidation(
    "certificate", certificate_arn=certificate.arn, validation_record_fqdns=[validation.fqdn]
)

access = aws.cloudfront.OriginAccessControl(
    "pages",
    origin_access_control_origin_type="s3",
    signing_behavior="always",
    signing_protocol="sigv4",
)
distribution = aws.cloudfront.Distribution(
    "site",
    enabled=True,
    aliases=[domain],
    default_root_object="index.html",
    origins=[
        {
            "origin_id": "pages",
            "domain_name": pages.bucket_regional_domain_name,
            "origin_access_control_id": access.id,
        }
    ],
    default_cache_behavior={
        "target_origin_id": "pages",
        "viewer_protocol_policy": "redirect-to-https",
        "allowed_methods": ["GET", "HEAD"],
        "cached_methods": ["GET", "HEAD"],
        "forwarded_values": {"query_string": False, "cookies": {"forward": "none"}},
    },
    restrictions={"geo_restriction": {"restriction_type": "none"}},
    viewer_certificate={
        "acm_certificate_arn": validated.certificate_arn,
        "ssl_support_method": "sni-only",
        "minimum_protocol_version": "TLSv1.2_2021",
    },
    logging_config={"bucket": logs.bucket_domain_name, "prefix": "site/"},
    tags=tags,
)
# Only the distribution reads the pages, and only over TLS.
aws.s3.BucketPolicy(
    "pages",
    bucket=pages.id,
    policy=pulumi.Output.json_dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "cloudfront.amazonaws.com"},
                    "Action": "s3:GetObject",
                    "Resource": pages.arn.apply(lambda arn: f"{arn}/*"),
                    "Condition": {"StringEquals": {"AWS:SourceArn": distribution.arn}},
                },
                {
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": [pages.arn, pages.arn.apply(lambda arn: f"{arn}/*")],
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                },
            ],
        }
    ),
)
aws.route53.Record(
    "alias",
    zone_id=zone.zone_id,
    name=domain,
    type="A",
    aliases=[
        {
            "name": distribution.domain_name,
            "zone_id": distribution.hosted_zone_id,
            "evaluate_target_health": False,
        }
    ],
)

pulumi.export("url", f"https://{domain}")
pulumi.export("bucket", pages.bucket)
