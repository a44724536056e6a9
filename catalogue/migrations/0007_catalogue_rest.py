from django.db import migrations


class Migration(migrations.Migration):
    """Offerings that are bundles say so from now on; what was written of them before is written anew when asked for."""

    dependencies = [("catalogue", "0006_versions_and_batches")]
    operations = [migrations.RunSQL("DELETE FROM tmf620_documents", migrations.RunSQL.noop)]
