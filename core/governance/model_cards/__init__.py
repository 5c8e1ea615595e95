"""The model card: its content, and how it is written, read and kept beside the version."""
