"""Lineage: entities, the associations between them, and queries."""
