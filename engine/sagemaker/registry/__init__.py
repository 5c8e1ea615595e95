"""Models, model packages and their groups."""
