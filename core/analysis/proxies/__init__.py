"""Where a disparity comes from: features that give protected attributes away, what flows through them, and what leaving them out costs."""
