import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Sticker",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False)),
                ("text", models.CharField(max_length=40)),
            ],
        ),
        migrations.CreateModel(
            name="Parcel",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("name", models.CharField(max_length=80)),
                ("weight", models.DecimalField(decimal_places=6, max_digits=15, null=True)),
                ("big", models.BigIntegerField()),
                ("small", models.IntegerField(null=True)),
                ("ratio", models.FloatField()),
                ("fragile", models.BooleanField(null=True)),
                ("sent_at", models.DateTimeField(null=True)),
                ("day", models.DateField(null=True)),
                ("hour", models.TimeField(null=True)),
                ("took", models.DurationField(null=True)),
                ("facts", models.JSONField(null=True)),
                ("raw", models.BinaryField(null=True)),
                ("note", models.TextField(blank=True)),
                (
                    "inside",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="contents",
                        to="parcels.parcel",
                    ),
                ),
                ("stickers", models.ManyToManyField(to="parcels.sticker")),
            ],
        ),
    ]
