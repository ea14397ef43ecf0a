from django.db import migrations, models

INDEXES = (
    (["made_at"], "backup_image_by_time"),
    (["target", "made_at"], "backup_image_of_target"),
    (["key_id", "made_at"], "backup_image_of_key"),
    (["serial", "made_at"], "backup_image_of_serial"),
    (["chain"], "backup_image_of_chain"),
    (["header_digest"], "backup_image_by_digest"),
    (["link_digest"], "backup_image_by_link"),
)


class Migration(migrations.Migration):
    dependencies = [
        ("appliance_backup", "0003_credentials_and_copies"),
    ]

    operations = [
        migrations.AddIndex(model_name="backupimage", index=models.Index(fields=fields, name=name))
        for fields, name in INDEXES
    ]
