"""Model cards and their export."""
