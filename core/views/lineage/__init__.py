"""The lineage graph: where its nodes stand, what they are called, and how it is drawn."""
