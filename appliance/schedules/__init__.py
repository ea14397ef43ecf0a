"""When backups and verifications run by themselves, and whether they did."""
