"""PostgreSQL with the writers' gate and one schema for each generation: ``ENGINE = "ground.db.postgres"``."""
