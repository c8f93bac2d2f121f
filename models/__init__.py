"""SQLModel tables. No rules, no queries: what a row holds and what the database checks."""

from models import audit, base, beside, case, message, objection, people, programme, timekeeping

__all__ = ["audit", "base", "beside", "case", "message", "objection", "people", "programme", "timekeeping"]
