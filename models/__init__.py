"""SQLModel tables. No rules, no queries: what a row holds and what the database checks."""
