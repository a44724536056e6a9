"""The Zoho CRM calls we make. One method, one errand. Knows HTTP and Zoho, and none of our models."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from zoho_sync.connection.codes import crm_error
from zoho_sync.connection.errors import ServerTrouble, ZohoError
from zoho_sync.connection.http import Call, ZohoHttp
from zoho_sync.reading import block, items, number, text

MODULE = "Products"
PER_UPSERT = 100
PER_PAGE = 200
PER_QUERY = 2000
KEYS_PER_QUERY = 50
FIELDS_PER_CALL = 5


@dataclass(frozen=True)
class ItemResult:
    """What became of one record of a batch: its CRM id, or why not."""

    remote_id: str = ""
    action: str = ""
    error: ZohoError | None = None


class CrmClient:
    def __init__(self, http: ZohoHttp) -> None:
        self.http = http

    def upsert(
        self, records: Sequence[dict[str, Any]], *, key_field: str, packages: Sequence[UUID] = ()
    ) -> list[ItemResult]:
        """Insert or update up to 100 records by `key_field`, without workflows. One result per record, in order.

        Safe to repeat. Raises a ZohoError when the request as a whole was not taken.
        """
        call = Call(
            "POST",
            f"/crm/v8/{MODULE}/upsert",
            safe=True,
            # Without the check field CRM would match by Product_Name first and melt same-named packages together.
            body={"data": list(records), "duplicate_check_fields": [key_field], "trigger": []},
            packages=packages,
            records=len(records),
        )
        return self._batch(call, len(records))

    def update(self, records: Sequence[dict[str, Any]], *, packages: Sequence[UUID] = ()) -> list[ItemResult]:
        """Update up to 100 records, each by its `id`, without workflows. One result per record, in order."""
        call = Call(
            "PUT",
            f"/crm/v8/{MODULE}",
            safe=True,
            body={"data": list(records), "trigger": []},
            packages=packages,
            records=len(records),
        )
        return self._batch(call, len(records))

    def iter_products(self, fields: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Every product, page by page as needed; `fields` at most 50."""
        page: dict[str, Any] = {"page": 1}
        while True:
            body = self._get(MODULE, {"fields": ",".join(fields), "per_page": PER_PAGE, **page})
            yield from items(body, "data")
            info = block(body, "info")
            if not info.get("more_records"):
                return
            # Pages by number end at 2,000 records; a token, where given, goes on.
            token = info.get("next_page_token")
            page = {"page_token": token} if token else {"page": number(info, "page", page.get("page", 1)) + 1}

    def _batch(self, call: Call, count: int) -> list[ItemResult]:
        answer = self.http.send(call)
        results = items(answer.body or {}, "data")
        if len(results) == count:
            return [_judged(item, answer.http_status) for item in results]
        if len(results) == 1 and results[0].get("status") == "error":
            raise crm_error(results[0], answer.http_status)
        raise ServerTrouble(
            f"Zoho CRM answered {len(results)} results to {count} records.", http_status=answer.http_status
        )

    def product(self, remote_id: str, fields: Sequence[str]) -> dict[str, Any] | None:
        """One product with these fields, or None when there is none."""
        body = self._get(f"{MODULE}/{remote_id}", {"fields": ",".join(fields)}, records=1)
        return next(iter(items(body, "data")), None)

    def profiles(self) -> list[dict[str, Any]]:
        """Every profile of the organisation: what users may do depends on theirs."""
        return items(self._get("settings/profiles"), "profiles")

    def users(self) -> list[dict[str, Any]]:
        """Active users; the one our token belongs to has `is_own` true. Two calls, more beyond 200 users."""
        ids = {text(user, "id") for user in items(self._get("users", {"type": "CurrentUser"}), "users")}
        page, found = 1, list[dict[str, Any]]()
        while True:
            body = self._get("users", {"type": "ActiveUsers", "page": page, "per_page": PER_PAGE})
            found += [{**user, "is_own": text(user, "id") in ids} for user in items(body, "users")]
            if not block(body, "info").get("more_records"):
                return found
            page += 1

    def query_products(self, fields: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Every product by COQL, 2,000 a call, in the order of ids, so that nothing shifts while it is read.

        Raises NotAuthorised where the connection was not granted COQL.
        """
        condition = "id is not null"
        while True:
            rows, more = self._query(fields, f"{condition} order by id asc limit {PER_QUERY}")
            yield from rows
            if not rows or not more:
                return
            if not (last := text(rows[-1], "id")):
                raise ServerTrouble("Zoho CRM answered a record without its id.")
            condition = f"id > '{last}'"

    def query_by_key(
        self, fields: Sequence[str], key_field: str, keys: Sequence[str]
    ) -> Iterator[dict[str, Any]]:
        """The products with these keys, by COQL, 50 keys a call. Keys hold no quotes (`zoho_sync.keys`)."""
        for start in range(0, len(keys), KEYS_PER_QUERY):
            wanted = ", ".join(f"'{key}'" for key in keys[start : start + KEYS_PER_QUERY])
            rows, _more = self._query(fields, f"{key_field} in ({wanted}) limit {PER_PAGE}")
            yield from rows

    def products_by_id(self, fields: Sequence[str], ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        """The products with these ids, 100 a call; those that are gone are left out."""
        for start in range(0, len(ids), PER_UPSERT):
            params = {"fields": ",".join(fields), "ids": ",".join(ids[start : start + PER_UPSERT])}
            yield from items(self._get(MODULE, params), "data")

    def timeline(self, remote_id: str) -> list[dict[str, Any]]:
        """Who changed what of one product, the latest first, as far as one page tells; empty when it is gone."""
        body = self._get(f"{MODULE}/{remote_id}/__timeline", {"per_page": PER_PAGE}, records=1)
        return items(body, "__timeline")

    def deleted_products(self) -> list[dict[str, Any]]:
        """The products deleted last, with who and when; up to 200."""
        return items(self._get(f"{MODULE}/deleted", {"type": "all", "per_page": PER_PAGE}), "data")

    def _get(self, path: str, params: dict[str, Any] | None = None, *, records: int = 0) -> dict[str, Any]:
        call = Call("GET", f"/crm/v8/{path}", safe=True, params=params or {}, records=records)
        return self.http.send(call).body or {}

    def _query(self, fields: Sequence[str], rest: str) -> tuple[list[dict[str, Any]], bool]:
        query = f"select {', '.join(fields)} from {MODULE} where {rest}"  # noqa: S608  (COQL, our own names)
        answer = self.http.send(Call("POST", "/crm/v8/coql", safe=True, body={"select_query": query}))
        body = answer.body or {}
        return items(body, "data"), bool(block(body, "info").get("more_records"))

    def edition(self) -> str:
        """What CRM calls `paid_type`, in small letters, such as `professional`; empty where it does not tell."""
        organisation = next(iter(items(self._get("org"), "org")), {})
        return text(block(organisation, "license_details"), "paid_type").strip().lower()

    def fields(self) -> list[dict[str, Any]]:
        """Metadata of every field of the module."""
        return items(self._get("settings/fields", {"module": MODULE}), "fields")

    def create_fields(self, fields: Sequence[dict[str, Any]]) -> list[ItemResult]:
        """Make up to five custom fields. Raises OutcomeUnknown where it cannot be said whether they exist now."""
        return self._change_fields("POST", fields, safe=False)

    def update_fields(self, fields: Sequence[dict[str, Any]]) -> list[ItemResult]:
        """Change up to five fields; each carries its `id`."""
        return self._change_fields("PATCH", fields, safe=True)

    def _change_fields(
        self, method: str, fields: Sequence[dict[str, Any]], *, safe: bool
    ) -> list[ItemResult]:
        call = Call(
            method,
            "/crm/v8/settings/fields",
            safe=safe,
            params={"module": MODULE},
            body={"fields": list(fields)},
        )
        answer = self.http.send(call)
        return [_judged(item, answer.http_status) for item in items(answer.body or {}, "fields")]


def _judged(item: dict[str, Any], http_status: int) -> ItemResult:
    details = block(item, "details")
    if item.get("code") == "SUCCESS" and details.get("id"):
        return ItemResult(remote_id=str(details["id"]), action=str(item.get("action") or ""))
    return ItemResult(error=crm_error(item, http_status))
