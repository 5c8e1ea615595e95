"""What a table gives away that it should not: features that tell the label, ids among the features, rows that stand in it twice."""
