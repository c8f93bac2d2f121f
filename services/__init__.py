"""What the bureau can do: pure rules, the store, use cases, adapters and the two front doors (web, command line)."""
