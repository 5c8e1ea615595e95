"""Pure functions: no I/O, no AWS. Usable from a notebook."""
