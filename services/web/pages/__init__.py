"""The pages. Every module with a `router` is part of the application."""
