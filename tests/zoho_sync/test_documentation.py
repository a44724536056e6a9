from django.conf import settings

from zoho_sync.documentation import field_page


def test_the_page_of_zoho_fields_says_what_the_tables_say():
    page = settings.BASE_DIR / "docs" / "zoho-fields.md"

    assert page.read_text(encoding="utf-8") == field_page(), (
        'stale: run make manage CMD="zoho_fields document"'
    )
