"""Commands for whoever works on the product."""
