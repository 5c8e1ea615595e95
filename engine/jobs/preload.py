"""What every worker needs, imported once in the forkserver: a worker then starts in milliseconds."""

import boto3  # noqa: F401
import numpy  # noqa: F401
import pandas  # noqa: F401
import scipy.stats  # noqa: F401
import sklearn.model_selection
import sklearn.neighbors  # noqa: F401
import xgboost  # noqa: F401
