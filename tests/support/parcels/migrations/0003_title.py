from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("parcels", "0002_colour")]
    operations = [migrations.RenameField("parcel", "name", "title")]
