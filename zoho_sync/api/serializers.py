from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from zoho_sync.models import Kind, ProductIntegration, SyncStatus
from zoho_sync.operating.models import SYSTEMS


class IntegrationStatusSerializer(serializers.ModelSerializer):
    """One Zoho record and how it stands."""

    package = serializers.UUIDField(source="package_id")
    product = serializers.UUIDField(source="package.source_admin_product_id")
    sku = serializers.CharField(source="package.sku")
    name = serializers.CharField(source="package.name")
    system = serializers.SerializerMethodField()
    kind = serializers.ChoiceField(Kind.choices)
    status = serializers.ChoiceField(SyncStatus.choices)
    is_in_step = serializers.SerializerMethodField(help_text="Zoho acknowledged exactly what we want.")
    error = serializers.SerializerMethodField()

    class Meta:
        model = ProductIntegration
        fields = [
            "id",
            "package",
            "product",
            "sku",
            "name",
            "system",
            "kind",
            "remote_key",
            "remote_id",
            "status",
            "is_in_step",
            "desired_hash",
            "synced_hash",
            "owed_since",
            "last_synced_at",
            "verified_at",
            "retry_count",
            "last_retry_at",
            "next_retry_at",
            "error",
        ]

    def get_system(self, row: ProductIntegration) -> str:
        return str(row.kind_.system)

    def get_is_in_step(self, row: ProductIntegration) -> bool:
        return bool(row.remote_id) and row.desired_hash == row.synced_hash

    @extend_schema_field({"type": ["object", "null"], "additionalProperties": {}})
    def get_error(self, row: ProductIntegration) -> dict[str, object] | None:
        """Null when the last try went through or none was made."""
        if not row.last_sync_error:
            return None
        details = row.sync_error_details or {}
        return {"class": details.get("class", ""), "message": row.last_sync_error, "details": details}


class ResyncSerializer(serializers.Serializer):
    """What will be sent. Ask integration-status for what became of it."""

    id = serializers.UUIDField()
    package = serializers.UUIDField(source="package_id")
    system = serializers.ChoiceField(SYSTEMS)
    force = serializers.BooleanField()
    reason = serializers.CharField()
    requested_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    outcomes = serializers.DictField(
        child=serializers.CharField(), help_text="By kind of record; empty when nothing differed."
    )


class SyncRequestSerializer(serializers.Serializer):
    reason = serializers.CharField(required=False, allow_blank=True, max_length=2000)
