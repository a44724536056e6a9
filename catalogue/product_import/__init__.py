"""Import of products from a CSV file: columns, parsing, a plan of what would be done, and the deed."""

from catalogue.product_import.apply import BadFile, import_products
from catalogue.product_import.columns import COLUMNS
from catalogue.product_import.parsing import ParsedFile, RowError, parse
from catalogue.product_import.plan import ImportOutcome, ImportPlan, plan_import

__all__ = [
    "COLUMNS",
    "BadFile",
    "ImportOutcome",
    "ImportPlan",
    "ParsedFile",
    "RowError",
    "import_products",
    "parse",
    "plan_import",
]
