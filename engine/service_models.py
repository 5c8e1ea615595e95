"""The service models that botocore ships: which operations a service has, and what their requests and answers look like."""

from __future__ import annotations

from functools import lru_cache

import botocore.session
from botocore.model import OperationModel, ServiceModel

from engine.errors import AWSError

_session = botocore.session.Session()


@lru_cache(maxsize=8)
def service_model(service: str) -> ServiceModel:
    """The service model that botocore ships for ``service``."""
    return _session.get_service_model(service)


def operation_model(service: str, name: str) -> OperationModel:
    """Raises UnknownOperationException for a name that the service doesn't have."""
    model = service_model(service)
    if name not in model.operation_names:
        raise AWSError("UnknownOperationException", f"{service} has no operation {name!r}.")
    return model.operation_model(name)
