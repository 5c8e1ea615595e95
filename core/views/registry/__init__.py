"""Model versions: how well they predict, how two differ, and the history of their decisions."""
