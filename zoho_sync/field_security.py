"""Nobody but the integration writes our fields in CRM: who still may, closing it, and trying it.

Field permissions are per profile and hold for the API too, so the integration's user needs a profile that no
person shares. What cannot be read is unknown, and unknown is never called locked.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import mail_admins
from django.db import transaction

from circletel.core import audit
from circletel.core.rights import ensure_system_or_may
from zoho_sync.connection.errors import NeedsPerson, ZohoError
from zoho_sync.connection.http import ZohoHttp
from zoho_sync.crm.client import FIELDS_PER_CALL, CrmClient
from zoho_sync.crm.mapping import fields
from zoho_sync.models import FieldSecurityCheck, Kind, ProductIntegration, SyncStatus, System

log = structlog.get_logger(__name__)

LOCKED = ("read_only", "hidden")
# What the probe edits, and what it writes there.
FIELD = "Description"
MARK = "Edited by hand, to see whether that is possible."


class Standing(StrEnum):
    OPEN = "open"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """One place that is not known to be locked. `profile` is empty where it concerns every profile."""

    field: str
    profile: str
    standing: Standing
    words: str


@dataclass(frozen=True)
class Change:
    """What one field needs: these profiles (id, name) set to read only."""

    field_id: str
    field: str
    profiles: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Inspection:
    """What one look at CRM found. `changes` close every hole that the API can close."""

    fields: int
    profiles: int
    findings: tuple[Finding, ...]
    changes: tuple[Change, ...]

    @property
    def holes(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.standing is Standing.OPEN]

    @property
    def unknown(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.standing is Standing.UNKNOWN]

    @property
    def result(self) -> str:
        result = FieldSecurityCheck.Result
        return result.HOLES if self.holes else result.UNKNOWN if self.unknown else result.LOCKED


def inspect(client: CrmClient) -> Inspection:
    """Compare CRM's field permissions with the mapping. Four calls. Raises a ZohoError."""
    theirs = {str(item.get("api_name")): item for item in client.fields()}
    profiles = {str(profile["id"]): str(profile.get("name")) for profile in client.profiles()}
    users = client.users()
    own_id, strangers = _own_profile(users)
    findings, changes = list(strangers), []
    wanted = fields(settings.ZOHO_CRM_FIELD_PREFIX, settings.ZOHO_CRM_SEND_COSTS)
    for field in wanted:
        found, change = _of_field(field.name, theirs.get(field.name), profiles, own_id)
        findings += found
        changes += change
    return Inspection(len(wanted), len(profiles), tuple(findings), tuple(changes))


def _own_profile(users: Sequence[dict[str, Any]]) -> tuple[str, list[Finding]]:
    """The integration's profile, and a finding where people share it."""
    own = next((user for user in users if user.get("is_own")), None)
    profile = (own or {}).get("profile") or {}
    if not profile.get("id"):
        words = "Zoho does not tell whose token this is: grant ZohoCRM.users.READ"
        return "", [Finding("", "", Standing.UNKNOWN, words)]
    others = [
        str(user.get("full_name"))
        for user in users
        if (user.get("profile") or {}).get("id") == profile["id"] and not user.get("is_own")
    ]
    words = f"{', '.join(others)} share the integration's profile: give the integration one of its own"
    found = [Finding("", str(profile.get("name")), Standing.OPEN, words)] if others else []
    return str(profile["id"]), found


def _of_field(
    name: str, held: dict[str, Any] | None, profiles: dict[str, str], own_id: str
) -> tuple[list[Finding], list[Change]]:
    if held is None:
        words = "CRM has no such field: run manage.py zoho_fields create"
        return [Finding(name, "", Standing.UNKNOWN, words)], []
    if held.get("profiles") is None:
        words = "Zoho does not tell: the integration's user needs the permission Module Customization"
        return [Finding(name, "", Standing.UNKNOWN, words)], []
    told = {str(each.get("id")): str(each.get("permission_type") or "") for each in held["profiles"]}
    findings, to_close = [], []
    for id, profile in profiles.items():
        permission = told.get(id, "")
        if id == own_id or permission in LOCKED:
            continue
        if permission == "read_write":
            findings.append(Finding(name, profile, Standing.OPEN, "may edit it: set it to read only"))
            to_close.append((id, profile))
        else:
            said = f"says {permission!r}" if permission else "says nothing"
            findings.append(Finding(name, profile, Standing.UNKNOWN, f"Zoho {said} of this profile"))
    # Without knowing which profile is ours, closing would lock ourselves out.
    change = [Change(str(held["id"]), name, tuple(to_close))] if to_close and own_id else []
    if own_id and told.get(own_id) in LOCKED:
        findings.append(
            Finding(name, profiles.get(own_id, ""), Standing.UNKNOWN, "the integration may not write it")
        )
    return findings, change


def close(client: CrmClient, changes: Sequence[Change]) -> list[str]:
    """Set what `changes` list to read only, five fields a call. Returns a sentence for each that Zoho refused."""
    complaints = []
    for start in range(0, len(changes), FIELDS_PER_CALL):
        few = changes[start : start + FIELDS_PER_CALL]
        bodies = [
            {
                "id": change.field_id,
                "profiles": [{"id": id, "permission_type": "read_only"} for id, _name in change.profiles],
            }
            for change in few
        ]
        try:
            results = client.update_fields(bodies)
        except ZohoError as refusal:
            complaints += [f"{change.field}: {refusal}" for change in few]
            continue
        pairs = zip(few, results, strict=False)
        complaints += [f"{change.field}: {result.error}" for change, result in pairs if result.error]
    return complaints


def check(*, actor: User | None) -> FieldSecurityCheck:
    """Look, write down what was found and alert about holes that were not there before. `actor` None is the schedule.

    Raises NotAllowed, or a ZohoError.
    """
    ensure_system_or_may(actor, "zoho_sync.check_field_security", "check who may edit our fields in Zoho CRM")
    with closing(ZohoHttp(System.CRM)) as http:
        return _written_down(inspect(CrmClient(http)))


def lock(*, actor: User | None) -> tuple[FieldSecurityCheck, list[str]]:
    """Close every hole and look again. Returns what is found then, and a sentence for each field Zoho refused.

    Raises NotAllowed, or a ZohoError.
    """
    ensure_system_or_may(actor, "zoho_sync.lock_zoho_fields", "lock our fields in Zoho CRM")
    with closing(ZohoHttp(System.CRM)) as http:
        client = CrmClient(http)
        before = inspect(client)
        complaints = close(client, before.changes)
        after = inspect(client)
    still = {(finding.field, finding.profile) for finding in after.holes}
    closed = {
        f"{finding.field} for {finding.profile}": ["read_write", "read_only"]
        for finding in before.holes
        if (finding.field, finding.profile) not in still
    }
    with transaction.atomic():
        written = _written_down(after)
        audit.record("locked_fields", written, actor=actor, changes=closed, detail="; ".join(complaints))
    return written, complaints


def _written_down(found: Inspection) -> FieldSecurityCheck:
    former = FieldSecurityCheck.objects.first()
    known = {
        (each["field"], each["profile"])
        for each in (former.findings if former else ())
        if each["standing"] == Standing.OPEN
    }
    new = [hole for hole in found.holes if (hole.field, hole.profile) not in known]
    written = FieldSecurityCheck.objects.create(
        result=found.result,
        holes=len(found.holes),
        new_holes=len(new),
        unknown=len(found.unknown),
        findings=[asdict(finding) for finding in found.findings],
    )
    if new:
        _alert(new)
    return written


def _alert(holes: Sequence[Finding]) -> None:
    lines = [f"{hole.field or 'every field'}, {hole.profile}: {hole.words}" for hole in holes]
    log.error("zoho_fields_unlocked", holes=lines)
    mail_admins(
        f"Zoho CRM: {len(holes)} new ways to edit our fields by hand",
        "\n".join(
            [*lines, "", "See docs/zoho-crm-field-security.md, or press Lock the fields in the admin."]
        ),
        fail_silently=True,
    )


@dataclass(frozen=True)
class Probe:
    """`taken` says whether the edit went through; None when that cannot be said. `words` tell what happened."""

    taken: bool | None
    words: str


def probe() -> Probe:
    """Edit one record as the user of ZOHO_PROBE_REFRESH_TOKEN, look what CRM holds, and put it back.

    Three or four calls. Raises a ZohoError when the integration itself cannot read or put back.
    """
    if not settings.ZOHO_PROBE_REFRESH_TOKEN:
        return Probe(None, "No ordinary user to try it as: set ZOHO_PROBE_REFRESH_TOKEN.")
    row = ProductIntegration.objects.filter(kind=Kind.CRM_PRODUCT, status=SyncStatus.OK).first()
    if row is None:
        return Probe(None, "No package is in CRM yet: there is nothing to try it on.")
    token = settings.ZOHO_PROBE_REFRESH_TOKEN
    with closing(ZohoHttp(System.CRM)) as ours, closing(ZohoHttp(System.CRM, refresh_token=token)) as theirs:
        return _try(CrmClient(ours), CrmClient(theirs), row)


def _try(ours: CrmClient, theirs: CrmClient, row: ProductIntegration) -> Probe:
    before = ours.product(row.remote_id, [FIELD])
    if before is None:
        return Probe(None, f"CRM no longer has {row.remote_key}: run the backfill, then try again.")
    said = _edited(theirs, row.remote_id)
    after = ours.product(row.remote_id, [FIELD]) or {}
    if after.get(FIELD) != MARK:
        return Probe(False, f"The edit of {FIELD} of {row.remote_key} did not go through. {said}")
    [result] = ours.update([{"id": row.remote_id, FIELD: before.get(FIELD)}], packages=[row.package_id])
    if result.error is not None:
        raise result.error
    return Probe(True, f"An ordinary user can edit {FIELD} of {row.remote_key}. It was put back.")


def _edited(theirs: CrmClient, remote_id: str) -> str:
    """What Zoho said to the edit."""
    try:
        [result] = theirs.update([{"id": remote_id, FIELD: MARK}])
    except NeedsPerson as refusal:
        return f"Zoho refused it: {refusal}"
    except ZohoError as trouble:
        return f"Zoho gave no clear answer: {trouble}"
    return f"Zoho refused it: {result.error}" if result.error else "Zoho said nothing and dropped it."
