"""The main menu: only what its reader may open."""

from __future__ import annotations

from services.i18n import N_
from services.people import access, positions
from services.people.access import Reader


def navigation(reader: Reader) -> list[tuple[str, str]]:
    """Return (address, message id) of the menu's entries for `reader`."""
    entries = [
        (True, "/tasks", N_("My tasks")),
        (decides(reader), "/queue", N_("Approvals")),
        (sees_cases(reader), "/cases", N_("Cases")),
        (access.may_see_seasons(reader), "/seasons", N_("Seasons")),
        (looks_after_people(reader), "/people", N_("People")),
        (access.may_see_outbox(reader), "/mail", N_("Mail")),
        (access.may_see_audit(reader), "/audit", N_("Audit")),
        (reader.is_administrator, "/administration", N_("Administration")),
    ]
    return [(address, name) for shown, address, name in entries if shown]


def decides(reader: Reader) -> bool:
    """Tell whether approvals may wait for the reader: clerks, heads and reviewers decide, and whoever stands in for them."""
    return not _roles(reader).isdisjoint(positions.OFFICE_ROLES | {positions.REVIEWER})


def sees_cases(reader: Reader) -> bool:
    """Tell whether the reader may see any case by an office that they hold or stand in for."""
    offices = _roles(reader) - positions.BUREAU_ROLES - {positions.UNIT_ADMINISTRATOR}
    return reader.is_administrator or bool(offices)


def _roles(reader: Reader) -> frozenset[str]:
    lent = (held for stand_in in reader.stand_ins for held in stand_in.positions)
    return frozenset(held.role for held in (*reader.positions, *lent))


def looks_after_people(reader: Reader) -> bool:
    """Tell whether the reader looks after the people of any unit."""
    return reader.is_administrator or reader.is_security or bool(reader.administered)
