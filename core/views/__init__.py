"""Figures and tables from plain results: no AWS, no state, no Streamlit.

Every figure has a function beside it that gives the same figures as a table.
"""
