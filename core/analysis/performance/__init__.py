"""How well a binary classifier's scores fit the labels: metrics with 95 % intervals, and paired differences between two models."""
