"""Approvals and what they rest on."""
