"""HTTP: requests in, answers out, by the service models of botocore."""
