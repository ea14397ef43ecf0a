"""Django backend for SQLCipher: ``ENGINE = "ground.db.sqlcipher"``. See `base`."""
