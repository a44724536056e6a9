from typing import Any

from django.core.management.base import BaseCommand, CommandError

from pricing.models import NoticeStage, PriceChange
from pricing.notices.texts import complaints_about, complaints_about_message


class Command(BaseCommand):
    help = (
        "Check the words of all notices in use, and the customer messages of open price changes: what is missing,"
        " what promotes something. Exits 1 when something is wrong; such a notice is not sent."
    )

    def handle(self, **_: Any) -> None:
        wrong = [
            f"{stage} ({stage.pk}): {complaint}"
            for stage in NoticeStage.objects.filter(active=True)
            for complaint in complaints_about(stage)
        ]
        wrong += [
            f"{change}: {words}"
            for change in PriceChange.objects.open().select_related("package")
            for words in complaints_about_message(change)
        ]
        if wrong:
            raise CommandError("\n".join(wrong))
        number = NoticeStage.objects.filter(active=True).count()
        self.stdout.write(f"{number} notices in use, nothing wrong with their words.")
