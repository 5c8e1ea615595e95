"""95 % intervals and p-values that the other rooms share: of bootstrap draws and of proportions."""
