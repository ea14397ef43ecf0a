from django.db import migrations


def fill(apps, schema_editor):
    parcels = apps.get_model("parcels", "Parcel").objects.using(schema_editor.connection.alias)
    for parcel in parcels.all():
        parcels.filter(pk=parcel.pk).update(slug=parcel.title.lower().replace(" ", "-"))


class Migration(migrations.Migration):
    dependencies = [("parcels", "0003_title")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
