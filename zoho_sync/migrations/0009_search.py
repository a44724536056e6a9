import django.contrib.postgres.indexes
import django.db.models.functions.text
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("catalogue", "0011_search"),
        ("zoho_sync", "0008_price_notices_alert"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="productintegration",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Upper("remote_key"), name="gin_trgm_ops"
                ),
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Upper("remote_id"), name="gin_trgm_ops"
                ),
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Upper("last_sync_error"), name="gin_trgm_ops"
                ),
                name="integration_search",
            ),
        ),
        migrations.AddIndex(
            model_name="zohosynclog",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Upper("path"), name="gin_trgm_ops"
                ),
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Upper("error"), name="gin_trgm_ops"
                ),
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Upper("correlation_id"), name="gin_trgm_ops"
                ),
                name="zoho_log_search",
            ),
        ),
    ]
