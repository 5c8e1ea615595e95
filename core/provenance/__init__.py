"""Whether a version's evidence is what its jobs made: checked from the files themselves and from the target's own records of the jobs."""
