"""What a table contains: the kind of each column, its profile, and histograms of several sets of rows."""
