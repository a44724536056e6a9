"""A rule for notices of price changes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("zoho_sync", "0007_operating_rest"),
    ]

    operations = [
        migrations.AlterField(
            model_name="alertrule",
            name="trigger",
            field=models.CharField(
                choices=[
                    ("repeated_failure", "One cause keeps failing"),
                    ("rate_limited", "Zoho limits our calls"),
                    ("not_authorised", "Zoho refuses the connection"),
                    ("breaker_open", "Calls to a system rest"),
                    ("job_missed", "A scheduled job did not finish"),
                    ("dead_growing", "More records need a person"),
                    ("billing_unproven", "A price change is not proven by its invoices"),
                    ("price_notices", "Notices of price changes do not arrive"),
                    ("weekly_summary", "Weekly summary"),
                ],
                max_length=30,
                unique=True,
            ),
        ),
    ]
