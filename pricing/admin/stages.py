"""The stages of notices: their words with the linter beside the field, a preview, and a test mail to oneself."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html_join
from unfold.decorators import display

from circletel.core.admin.actions import ActionsAdmin
from circletel.core.errors import Refused
from pricing.actions import SEND_TEST
from pricing.models import NoticeStage, PriceChange
from pricing.notices import stages
from pricing.notices.texts import NAMES, REQUIRED, complaints_about

MOST_CHANGES = 30


class NoticeStageForm(forms.ModelForm):
    class Meta:
        model = NoticeStage
        fields = ("name", "days", "required", "active", "subject", "body")

    def clean(self) -> dict[str, Any]:
        """The linter's complaints stand beside the field they are about."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        written = NoticeStage(pk=self.instance.pk, occasion=self.instance.occasion, **cleaned)
        for problem in stages.problems_of(written):
            field, _, words = problem.partition(": ")
            self.add_error(field, words)
        return cleaned

    def validate_unique(self) -> None:
        """The code is given."""


@admin.register(NoticeStage)
class NoticeStageAdmin(ActionsAdmin):
    """When customers are told of a price change, and in which words."""

    form = NoticeStageForm
    list_display = ("name", "shown_when", "required", "active", "shown_words")
    ordering = ("-occasion", "-days")
    object_actions = (SEND_TEST,)
    extra_pages = {"<slug:code>/preview/": "preview"}
    change_form_outer_after_template = "pricing/notices/preview.html"
    readonly_fields = ("occasion", "must_say", "may_say")
    fields = (
        "name",
        ("occasion", "days"),
        ("required", "active"),
        "subject",
        "body",
        "must_say",
        "may_say",
    )

    @display(description="When", ordering="occasion")
    def shown_when(self, stage: NoticeStage) -> str:
        return (
            f"{stage.days} days: {stage.get_occasion_display().lower()}"
            if stage.days
            else stage.get_occasion_display()
        )

    @display(description="Words", label={"In order": "success", "Refused": "danger"})
    def shown_words(self, stage: NoticeStage) -> str:
        return "Refused" if complaints_about(stage) else "In order"

    @display(description="Must say")
    def must_say(self, stage: NoticeStage) -> str:
        return ", ".join(f"{{{{ {name} }}}}" for name in REQUIRED[stage.occasion])

    @display(description="May say")
    def may_say(self, stage: NoticeStage) -> str:
        lines = ((f"{{{{ {name} }}}}", meaning) for name, meaning in NAMES.items())
        return format_html_join("", "<div>{} {}</div>", lines)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(stages.RIGHT)

    def save_model(self, request: HttpRequest, obj: NoticeStage, form: Any, change: bool) -> None:
        try:
            stages.edit_stage(obj.pk, form.cleaned_data, actor=request.user)  # type: ignore[arg-type]
        except Refused as refusal:
            raise ValidationError(list(refusal.reasons)) from None

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "body":
            field.widget.attrs["rows"] = 22
        return field

    # --- the preview, which follows what is being written

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        chosen = PriceChange.objects.select_related("package").exclude(effective_date=None)
        context = {
            **(extra_context or {}),
            "preview_url": reverse("admin:pricing_noticestage_preview", args=[object_id]),
            "preview_changes": chosen.order_by("-created_at")[:MOST_CHANGES],
            "preview_form": "noticestage_form" if self.has_change_permission(request) else "",
        }
        return super().change_view(request, object_id, form_url, context)

    def preview_view(self, request: HttpRequest, code: str) -> HttpResponse:
        """The words as they are being written, for a customer of the change that was chosen. Keeps nothing."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        stage = get_object_or_404(NoticeStage, pk=code)
        for name in ("subject", "body"):
            setattr(stage, name, request.POST.get(name, getattr(stage, name)))
        complaints = complaints_about(stage)
        found = stages.sample(_chosen(request))
        context = {
            "complaints": complaints,
            "sample": found,
            "text": stages.preview(stage, found.told) if found and not complaints else None,
        }
        return HttpResponse(render_to_string("pricing/notices/previewed.html", context, request))


def _chosen(request: HttpRequest) -> PriceChange | None:
    wanted = request.POST.get("preview_change", "")
    try:
        return PriceChange.objects.select_related("package").filter(pk=wanted).first() if wanted else None
    except ValidationError:
        return None
