from typing import Any

from django import forms
from django.db.models import QuerySet
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from catalogue.models import MarketSegment, PackageStatus, ServicePackage
from circletel.core.errors import NotReady
from circletel.core.uploads import LARGEST_CSV_MB, at_most
from pricing.models import PriceChange
from pricing.services import Wish, already_open, fill_in

WISH = ("new_price", "effective_date", "reason", "customer_message", "notes")


class PriceChangeForm(forms.ModelForm):
    """A draft. What cannot be is said beside the form, by the same check that guards every other door."""

    class Meta:
        model = PriceChange
        fields = ("package", *WISH)

    def wish(self) -> Wish:
        asked: dict[str, Any] = {name: self.cleaned_data.get(name) for name in WISH}
        return Wish(**asked)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        package = cleaned.get("package") or (self.instance.package if self.instance.package_id else None)
        if self.errors or package is None:
            return cleaned
        standing = PriceChange.objects.open().filter(package=package).exclude(pk=self.instance.pk).first()
        if standing is not None:
            raise forms.ValidationError(already_open(standing))
        trial = PriceChange(pk=self.instance.pk, package=package)
        trial._state.adding = self.instance._state.adding
        try:
            fill_in(trial, self.wish())
        except NotReady as refusal:
            raise forms.ValidationError(list(refusal.reasons)) from None
        return cleaned

    def _post_clean(self) -> None:
        """The service fills the change in and checks it; the form's instance stays as it was read."""


def _choices(values: list[tuple[str, str]], empty: str) -> list[tuple[str, str]]:
    return [("", empty), *values]


class BatchForm(forms.Form):
    """Either a percentage over packages or a file of prices; one day and one reason for all."""

    file = forms.FileField(
        label="CSV file",
        required=False,
        validators=[at_most(LARGEST_CSV_MB)],
        widget=UnfoldAdminFileFieldWidget,
        help_text=(
            "Columns sku and new_price; market_segment and provider where the SKU alone is not enough."
            " Leave empty for a percentage."
        ),
    )
    percent = forms.DecimalField(
        label="Percent",
        required=False,
        max_digits=5,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text="6 is 6 % more, −6 is 6 % less.",
    )
    ending = forms.ChoiceField(
        label="Rounded to",
        required=False,
        choices=[("9", "R 9 endings: 849, 859, …"), ("0", "R 10: 850, 860, …"), ("", "the cent")],
        initial="9",
        widget=UnfoldAdminSelectWidget,
    )
    market_segment = forms.ChoiceField(
        required=False,
        choices=_choices(MarketSegment.choices, "All segments"),
        widget=UnfoldAdminSelectWidget,
    )
    service_type = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget)
    provider = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget)
    effective_date = forms.DateField(
        label="Effective date",
        required=False,
        widget=UnfoldAdminDateWidget,
        help_text="May be left for later; needed before publication.",
    )
    reason = forms.CharField(label="Reason", widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}))
    name = forms.CharField(
        label="Name of this batch",
        max_length=80,
        widget=UnfoldAdminTextInputWidget,
        help_text="To find its price changes again.",
    )

    def __init__(self, *args: Any, selection: list[str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.selection = selection
        live = ServicePackage.objects.filter(status=PackageStatus.ACTIVE)
        for name, empty in {"service_type": "All product lines", "provider": "All providers"}.items():
            if selection is not None:
                continue
            known = live.order_by(name).values_list(name, flat=True).distinct()
            self.fields[name].choices = _choices([(each, each) for each in known], empty)  # type: ignore[attr-defined]
        if selection is not None:
            for name in ("file", "market_segment", "service_type", "provider"):
                del self.fields[name]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        percent, file = cleaned.get("percent"), cleaned.get("file")
        if not self.errors and (percent is None) == (file is None):
            raise forms.ValidationError("Give either a percentage or a file.")
        if percent == 0:
            self.add_error("percent", "0 % changes nothing.")
        return cleaned

    def packages(self) -> QuerySet[ServicePackage]:
        """What the percentage is for: those selected before, else everything on sale that the filters leave."""
        if self.selection is not None:
            chosen = ServicePackage.objects.filter(pk__in=self.selection)
        else:
            names = ("market_segment", "service_type", "provider")
            wanted = {name: self.cleaned_data[name] for name in names if self.cleaned_data[name]}
            chosen = ServicePackage.objects.filter(status=PackageStatus.ACTIVE, **wanted)
        return chosen.order_by("name", "contract_months", "sku")

    def last_digit(self) -> int | None:
        """What whole rands shall end in; None for prices to the cent."""
        return int(self.cleaned_data["ending"]) if self.cleaned_data["ending"] else None
