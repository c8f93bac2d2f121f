"""Prefect flows: one per process family, read from top to bottom as its season goes."""
