"""What the engine keeps on disk: records, and objects of S3."""
