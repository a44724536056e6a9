from argparse import ArgumentParser
from contextlib import closing
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from zoho_sync.billing import preparation as billing
from zoho_sync.billing.client import BillingClient
from zoho_sync.connection.errors import ZohoError
from zoho_sync.connection.http import ZohoHttp
from zoho_sync.crm import preparation
from zoho_sync.crm.client import CrmClient
from zoho_sync.crm.mapping import key_field
from zoho_sync.documentation import pages
from zoho_sync.models import System


class Command(BaseCommand):
    """Check or make the custom fields that the sync writes in Zoho CRM, or write the tables of the pages about them.

    Exit code 1 when something is missing or could not be made.
    """

    help = "Check or create the custom fields and the unique key that the sync needs in Zoho CRM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("deed", choices=["check", "create", "document"])
        parser.add_argument("--yes", action="store_true", help="create without the dry run first")

    def handle(self, *, deed: str, yes: bool, **_: Any) -> None:
        if deed == "document":
            for page, text in pages().items():
                page.write_text(text, encoding="utf-8")
                self.stdout.write(f"Wrote docs/{page.name}.")
            return
        if not settings.ZOHO_API_URL:
            raise CommandError(
                "No Zoho is configured: set ZOHO_API_URL and the settings beside it (docs/configuration.md)."
            )
        billing_is_ready = deed != "check" or self._check_billing()
        try:
            with closing(ZohoHttp(System.CRM)) as http:
                self._work(CrmClient(http), deed, yes)
        except ZohoError as error:
            raise CommandError(str(error)) from None
        if not billing_is_ready:
            raise CommandError("Zoho Billing is not ready: a person has to do the above there")

    def _check_billing(self) -> bool:
        """Print what was looked at in Billing. Nothing can be made there by a program."""
        try:
            with closing(ZohoHttp(System.BILLING)) as http:
                findings = billing.look(BillingClient(http))
        except ZohoError as error:
            raise CommandError(str(error)) from None
        for finding in findings:
            self.stdout.write(f"  {'ok     ' if finding.fine else 'to do  '}  Zoho Billing: {finding.words}")
        return all(finding.fine for finding in findings)

    def _work(self, client: CrmClient, deed: str, yes: bool) -> None:
        prefix, costs = settings.ZOHO_CRM_FIELD_PREFIX, settings.ZOHO_CRM_SEND_COSTS
        wanted = preparation.plan(client, prefix, costs)
        for warning in wanted.warnings:
            self.stdout.write(f"  note  {warning}")
        if wanted.is_complete:
            self.stdout.write(f"Zoho CRM has every field the sync writes; {key_field(prefix)} is unique.")
            return
        for row in wanted.to_create:
            unique = ", unique" if row.unique else ""
            self.stdout.write(
                f"  {'make' if deed == 'create' else 'missing'}  {row.name} ({row.type.value}{unique})"
            )
        for item in wanted.to_mark_unique:
            self.stdout.write(f"  {'mark unique' if deed == 'create' else 'not unique'}  {item['api_name']}")
        if deed == "check":
            raise CommandError("Zoho CRM lacks fields the sync writes: run manage.py zoho_fields create")
        if reasons := preparation.beyond_the_edition(client, wanted):
            raise CommandError("Nothing was changed, Zoho CRM cannot hold it:\n  " + "\n  ".join(reasons))
        if not yes:
            self.stdout.write("Nothing was changed: this was the dry run. Run it with --yes to create them.")
            return
        if complaints := preparation.apply(client, prefix, wanted, costs):
            raise CommandError("Not everything could be made in Zoho CRM:\n  " + "\n  ".join(complaints))
        self.stdout.write(f"Zoho CRM now has every field the sync writes; {key_field(prefix)} is unique.")
