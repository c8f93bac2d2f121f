"""Use cases on cases and seasons. Each is one function in its caller's transaction and never commits."""
