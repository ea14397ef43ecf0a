from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("parcels", "0001_initial")]
    operations = [
        migrations.AddField("parcel", "colour", models.CharField(default="grey", max_length=20)),
        migrations.AddField("parcel", "slug", models.CharField(max_length=80, null=True)),
    ]
