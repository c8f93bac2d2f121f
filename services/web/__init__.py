"""The web service: JSON under /api/v1, pages for people."""
