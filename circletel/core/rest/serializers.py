"""Serializers of every API: problem details, and bodies that are understood whole or refused."""

from typing import Any

from rest_framework import serializers


class ProblemSerializer(serializers.Serializer):
    """Problem details (RFC 9457)."""

    type = serializers.CharField(help_text="Tells kinds of problems apart; does not change.")
    title = serializers.CharField(help_text="The kind of problem, for people.")
    status = serializers.IntegerField(help_text="The HTTP status.")
    detail = serializers.CharField(help_text="This occurrence, for people. Its wording may change.")


class Strict:
    """For serializers: refuses fields they do not know. A misspelt one would silently keep its old value."""

    def to_internal_value(self, data: Any) -> Any:
        writable = [name for name, field in self.fields.items() if not field.read_only]  # type: ignore[attr-defined]
        unknown = sorted(set(data) - set(writable)) if isinstance(data, dict) else []
        if unknown:
            known = ", ".join(writable) or "none"
            raise serializers.ValidationError(
                dict.fromkeys(unknown, f"is not a field here; understood are {known}")
            )
        return super().to_internal_value(data)  # type: ignore[misc]


class StrictSerializer(Strict, serializers.Serializer):
    pass
