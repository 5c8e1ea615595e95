"""S3: buckets, objects and multipart uploads, over the REST interface."""
