"""Bodies that are understood whole or refused."""

from typing import Any

from rest_framework import serializers


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
