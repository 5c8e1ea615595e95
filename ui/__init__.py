"""A thin file for each page: read inputs, call one use case, hand the result to ``core.views``."""
