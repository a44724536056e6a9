from typing import Any

from rest_framework import serializers

from reconciliation.models import ReconciliationReport, ReportState, Scope


class ReportSerializer(serializers.ModelSerializer[ReconciliationReport]):
    """One comparison, without what it found."""

    complete = serializers.BooleanField(source="is_complete", help_text="Everything could be read.")
    counts = serializers.DictField(
        help_text="Findings by type, system and kind; new, still, resolved, ignored; rand a month at stake."
    )
    coverage = serializers.ListField(
        child=serializers.DictField(),
        help_text="Each list: how many records of ours and of Zoho's. Subscriptions also say as of when.",
    )
    state = serializers.ChoiceField(source="current_state", choices=ReportState.choices)
    trouble = serializers.CharField(
        source="why_incomplete", help_text="Why it could not read everything, or what alarmed it."
    )
    progress = serializers.CharField(help_text="How far it is, while it runs.")
    duration_seconds = serializers.FloatField(source="seconds", allow_null=True)

    class Meta:
        model = ReconciliationReport
        fields = (
            "id",
            "scope",
            "only",
            "state",
            "complete",
            "started_at",
            "finished_at",
            "duration_seconds",
            "calls",
            "counts",
            "coverage",
            "trouble",
            "progress",
        )
        read_only_fields = fields


class FindingSerializer(serializers.Serializer[Any]):
    """One thing that differs."""

    system = serializers.CharField()
    kind = serializers.CharField()
    type = serializers.CharField()
    key = serializers.CharField()
    field = serializers.CharField(allow_null=True)
    ours = serializers.JSONField(allow_null=True)
    theirs = serializers.JSONField(allow_null=True)
    since = serializers.DateTimeField(allow_null=True)
    changed_by = serializers.CharField(allow_null=True)
    at_stake = serializers.DecimalField(
        max_digits=24,
        decimal_places=2,
        allow_null=True,
        help_text="Rand a month, VAT included; null where no monthly price differs.",
    )
    remote_id = serializers.CharField(allow_null=True)
    remote_name = serializers.CharField(allow_null=True)
    package = serializers.UUIDField(allow_null=True)
    sku = serializers.CharField(allow_null=True)
    state = serializers.CharField()
    first_seen = serializers.DateTimeField()
    times_seen = serializers.IntegerField()


class FullReportSerializer(ReportSerializer):
    """One comparison with what it found then."""

    findings = FindingSerializer(many=True)

    class Meta:
        model = ReconciliationReport
        fields = (*ReportSerializer.Meta.fields, "findings")
        read_only_fields = fields


class RunSerializer(serializers.Serializer[Any]):
    """What to compare."""

    scope = serializers.ChoiceField(choices=Scope.choices, default=Scope.ALL.value)
    only = serializers.ListField(
        child=serializers.CharField(max_length=64),
        default=list,
        help_text="SKUs; empty is the whole catalogue.",
    )
