"""What every worker needs, imported once in the forkserver, so that a worker starts in milliseconds."""

import boto3
import boto3.s3.transfer
import numpy  # noqa: F401
import pandas  # noqa: F401
import scipy.stats  # noqa: F401
import sklearn.model_selection
import sklearn.neighbors  # noqa: F401
import xgboost  # noqa: F401

import engine.containers.clarify  # its pictures and its PDF take half a second to import
import engine.containers.xgboost_algorithm  # noqa: F401

# This client is never used: creating it loads S3's service model, which the default session keeps for the workers' own clients.
_client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none")  # noqa: S106
_client.get_paginator("list_objects_v2")
