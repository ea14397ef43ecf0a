"""The database counts the images of each key on each target in each state."""

from django.db import migrations, models

from appliance.backup import tally_ddl


def install(apps, schema_editor):
    tally_ddl.install(schema_editor.connection)


def remove(apps, schema_editor):
    tally_ddl.remove(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [
        ("appliance_backup", "0005_target_use"),
    ]

    operations = [
        migrations.CreateModel(
            name="ImageTally",
            fields=[
                ("id", models.CharField(max_length=140, primary_key=True, serialize=False)),
                ("key_id", models.CharField(max_length=64)),
                ("state", models.CharField(max_length=10)),
                ("images", models.PositiveIntegerField()),
                ("target_id", models.UUIDField()),
            ],
            options={"managed": False},
        ),
        migrations.RunPython(install, remove),
    ]
