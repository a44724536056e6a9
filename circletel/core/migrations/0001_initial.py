from django.db import migrations

from circletel.core.migrations import _database


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        *_database.BEFORE,
    ]
