"""The product: use cases over AWS APIs. It never asks which target it has."""
