"""Who calls, and what they may do: users, roles, their policies, sessions."""
