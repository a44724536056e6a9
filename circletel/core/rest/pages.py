from typing import Any

from django.core.paginator import InvalidPage, Paginator
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request

from circletel.core.rest.parameters import ParameterField, between
from circletel.core.rest.problems import InvalidParameters

PAGE_SIZE = 20
LARGEST_PAGE = 200
LAST_PAGE = 999_999_999
EXAMPLE = "https://catalogue.example/api/v1/packages/"


class Pages(PageNumberPagination):
    """Numbered pages. A page that does not exist is refused with the number of pages there are."""

    page_size = PAGE_SIZE
    max_page_size = LARGEST_PAGE
    page_size_query_param = "page_size"
    fields = {
        "page": ParameterField(read=between(1, LAST_PAGE), expected="a page number of 1 or more"),
        "page_size": ParameterField(
            read=between(1, LARGEST_PAGE), expected=f"a whole number from 1 to {LARGEST_PAGE}"
        ),
    }

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Expects a query that `ensure_understood` has passed."""
        self.request = request
        number, size = (self.fields[name].clean(request.query_params.get(name)) for name in self.fields)
        paginator = Paginator(queryset, size or PAGE_SIZE)
        try:
            self.page = paginator.page(number or 1)
        except InvalidPage:
            last = paginator.num_pages
            there_is = "there is one page" if last == 1 else f"there are {last} pages"
            raise InvalidParameters([("page", f"is beyond the end: {there_is}")]) from None
        return list(self.page)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": "page",
                "in": "query",
                "description": "Which page. Expects a number of 1 or more; beyond the last page is refused.",
                "schema": {"type": "integer", "minimum": 1, "default": 1},
            },
            {
                "name": "page_size",
                "in": "query",
                "description": "How many packages a page holds.",
                "schema": {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE_SIZE},
            },
        ]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["count", "next", "previous", "results"],
            "properties": {
                # drf-spectacular builds the example of a page from `example`, which OpenAPI 3.1 still allows.
                "count": {"type": "integer", "description": "Packages on all pages.", "example": 36},
                "next": {
                    **link,
                    "description": "The next page; null on the last.",
                    "example": f"{EXAMPLE}?page=2&page_size=1",
                },
                "previous": {**link, "description": "The page before; null on the first.", "example": None},
                "results": schema,
            },
        }
