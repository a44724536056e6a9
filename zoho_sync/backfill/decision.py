"""What ought to become of each record: made, changed, adopted, left alone, or shown to a person.

A record is ours when it carries our exact key. In CRM a record without any key of ours is adopted as well when
its Product_Code is the SKU and both sides have it just once. Whatever could be meant in two ways is a person's
to decide; the words say how.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from catalogue.models import PackageStatus, ServicePackage
from zoho_sync.compare.diff import in_our_form
from zoho_sync.compare.listing import Listing
from zoho_sync.compare.records import Remote, shelf_of
from zoho_sync.connection.errors import NeedsPerson
from zoho_sync.crm.mapping import PRODUCT_NAME_LENGTH, key_field
from zoho_sync.desired import DesiredRecord, problems_of, table_of
from zoho_sync.fields import Terms
from zoho_sync.keys import line_key
from zoho_sync.models import Kind, ProductIntegration, SyncStatus

AMBIGUOUS_CODE = "AMBIGUOUS"


class Verdict(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    ADOPT = "adopt"
    IN_STEP = "in_step"
    AMBIGUOUS = "ambiguous"
    REFUSED = "refused"


class Ambiguous(NeedsPerson):
    """Zoho holds something that may or may not be the record."""


@dataclass(frozen=True)
class Decision:
    """What ought to become of one record. `theirs` is what Zoho holds, in our form, where it was found."""

    record: DesiredRecord
    sku: str
    verdict: Verdict
    remote_id: str = ""
    theirs: Mapping[str, Any] | None = None
    differs: tuple[str, ...] = ()
    """The fields in which Zoho says something else."""
    reasons: tuple[str, ...] = ()

    @property
    def sends(self) -> bool:
        return self.verdict in (Verdict.CREATE, Verdict.UPDATE) or (
            self.verdict is Verdict.ADOPT and bool(self.differs)
        )


@dataclass(frozen=True)
class Judge:
    """Decides about records, given what Zoho holds. With `verify` what is acknowledged is compared as well."""

    listing: Listing
    terms: Terms
    verify: bool = False

    def decide(
        self, package: ServicePackage, row: ProductIntegration | None, record: DesiredRecord
    ) -> Decision:
        """Reads the listing and, where a SKU might mean two packages, the catalogue. Writes nothing."""
        if row and row.last_synced_at and row.last_synced_at >= self.listing.read_at:
            # A worker was faster: what it wrote down is newer than the listing.
            verdict = Verdict.IN_STEP if row.synced_hash == record.hash else Verdict.UPDATE
            return Decision(record, package.sku, verdict, row.remote_id)
        if problems := problems_of(record, self.terms):
            return Decision(record, package.sku, Verdict.REFUSED, reasons=tuple(problems))
        try:
            held = (self._in_crm if record.kind is Kind.CRM_PRODUCT else self._in_billing)(
                package, row, record
            )
        except Ambiguous as doubt:
            return Decision(record, package.sku, Verdict.AMBIGUOUS, reasons=(str(doubt),))
        return self._compared(package, row, record, held)

    def _compared(
        self,
        package: ServicePackage,
        row: ProductIntegration | None,
        record: DesiredRecord,
        held: Remote | None,
    ) -> Decision:
        known = row is not None and held is not None and row.remote_id == held.id
        if row is not None and _was_refused(row, record) and (held is None or known):
            return Decision(
                record, package.sku, Verdict.REFUSED, row.remote_id, reasons=(row.last_sync_error,)
            )
        if held is None:
            return Decision(record, package.sku, Verdict.CREATE)
        theirs = in_our_form(table_of(record.kind, self.terms), record.payload, _as_told(record, held))
        differs = tuple(name for name, value in theirs.items() if value != record.payload[name])
        acknowledged = row is not None and known and row.synced_hash == record.hash
        if acknowledged and not self.verify and not _lost_its_key(record, theirs, self.terms):
            differs = ()
        verdict = Verdict.ADOPT if not known else Verdict.UPDATE if differs else Verdict.IN_STEP
        return Decision(record, package.sku, verdict, held.id, theirs, differs)

    def _in_crm(
        self, package: ServicePackage, row: ProductIntegration | None, record: DesiredRecord
    ) -> Remote | None:
        crm = shelf_of(record.kind)
        keyed = self.listing.with_key(crm, record.key)
        known = self.listing.with_id(crm, row.remote_id) if row else None
        if len(keyed) > 1 or (known and keyed and keyed[0].id != known.id):
            everyone = [*keyed, *([known] if known else [])]
            raise Ambiguous(f"CRM holds it more than once ({_ids(everyone)}): keep one, delete the others")
        if keyed or known:
            return keyed[0] if keyed else known
        field = key_field(self.terms.crm_prefix)
        coded = self.listing.without_key(crm, code=package.sku)
        if len(coded) == 1 and not self._sku_is_shared(package):
            return coded[0]
        if coded:
            raise Ambiguous(
                f"CRM product {_ids(coded)} has the SKU {package.sku} and no"
                f" {field}, and it cannot be said which package it is: type {record.key} into {field} of"
                " the right one, or give it another Product_Code"
            )
        names = (record.payload["Product_Name"], package.name[:PRODUCT_NAME_LENGTH])
        if namesakes := [held for name in names for held in self.listing.without_key(crm, name=name)]:
            raise Ambiguous(
                f"CRM product {_ids(namesakes)} has the same name and no {field}: type {record.key} into"
                f" {field} if it is this package, or rename it"
            )
        return None

    def _sku_is_shared(self, package: ServicePackage) -> bool:
        same = ServicePackage.objects.filter(sku__iexact=package.sku, status=PackageStatus.ACTIVE)
        return same.exclude(pk=package.pk).exists()

    def _in_billing(
        self, package: ServicePackage, row: ProductIntegration | None, record: DesiredRecord
    ) -> Remote | None:
        shelf = shelf_of(record.kind)
        assert shelf.family is not None  # only CRM's list has none
        keyed = self.listing.with_key(shelf, record.key)
        if len(keyed) > 1:
            raise Ambiguous(
                f"Billing has {len(keyed)} {shelf.family.path} called {record.key} ({_ids(keyed)}):"
                " keep one, rename the others"
            )
        known = self.listing.with_id(shelf, row.remote_id) if row else None
        if known and not keyed and record.kind is not Kind.BILLING_PRODUCT:
            raise Ambiguous(f"its code was changed in Billing to {known.key}: change it back to {record.key}")
        if known and keyed and keyed[0].id != known.id:
            raise Ambiguous(
                f"Billing has it as {known.key} and another one as {record.key}: keep one, rename the other"
            )
        held = keyed[0] if keyed else known
        if held is not None:
            self._refuse_another_shape(package, record, held)
        return held

    def _refuse_another_shape(self, package: ServicePackage, record: DesiredRecord, held: Remote) -> None:
        """Interval, product and type of a record in use cannot be changed in Billing."""
        for name in ("interval", "interval_unit", "type"):
            wanted, has = record.payload.get(name), held.values.get(name)
            if wanted is not None and has not in (None, "") and str(has) != str(wanted):
                raise Ambiguous(f"Billing has {record.key} with {name} {has}, not {wanted}: rename that one")
        products = shelf_of(Kind.BILLING_PRODUCT)
        owner = self.listing.with_id(products, str(held.values.get("product_id") or ""))
        line = line_key(package)
        if record.kind is not Kind.BILLING_PRODUCT and owner is not None and owner.name != line:
            raise Ambiguous(
                f"in Billing it belongs to the product {owner.name}, not to {line}: rename that one"
            )


def _was_refused(row: ProductIntegration, record: DesiredRecord) -> bool:
    """Zoho refused exactly this before, and nobody has said that it would take it now."""
    doubted = row.sync_error_details.get("code") == AMBIGUOUS_CODE
    return row.status == SyncStatus.DEAD and row.desired_hash == record.hash and not doubted


def _lost_its_key(record: DesiredRecord, theirs: Mapping[str, Any], terms: Terms) -> bool:
    key = key_field(terms.crm_prefix)
    return record.kind is Kind.CRM_PRODUCT and theirs.get(key) != record.payload[key]


def _as_told(record: DesiredRecord, held: Remote) -> Mapping[str, Any]:
    """With what a list leaves out: CRM a field that is empty, Billing that a record is in use."""
    left_out = dict.fromkeys(record.payload) if record.kind is Kind.CRM_PRODUCT else {"status": "active"}
    return {**left_out, **held.values}


def _ids(records: Iterable[Remote]) -> str:
    return ", ".join(sorted({each.id for each in records}))
