"""Bureaus, units, positions, appointments, accounts; `access` says who may see and do what."""
