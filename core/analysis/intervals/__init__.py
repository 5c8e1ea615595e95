"""95 % intervals and p-values that the other rooms share: of shares, and of draws where no formula gives any."""
