from zoho_sync.connection import codes
from zoho_sync.crm.mapping import fields
from zoho_sync.documentation import MARK, pages


def test_the_pages_say_what_the_tables_say():
    written = pages()

    assert [page.name for page in written] == [
        "zoho-fields.md",
        "zoho-crm-field-security.md",
        "zoho-errors.md",
    ]
    for page, text in written.items():
        assert text.count(MARK) == 1
        assert page.read_text(encoding="utf-8") == text, 'stale: run make manage CMD="zoho_fields document"'


def test_every_field_and_every_error_is_named():
    by_name = {page.name: text for page, text in pages().items()}

    for field in fields("ct_"):
        assert f"| `{field.name}` |" in by_name["zoho-crm-field-security.md"]
    assert f"| {codes.TAKEN.words} |" in by_name["zoho-errors.md"]
