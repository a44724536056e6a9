"""Import of products from a CSV file: columns, parsing, a plan of what would be done, and the deed."""

from catalogue.importing.columns import COLUMNS
from catalogue.importing.parsing import ParsedFile, RowError, parse
from catalogue.importing.plan import ImportOutcome, ImportPlan, plan_import
from catalogue.importing.service import BadFile, import_products

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
