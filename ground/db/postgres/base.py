"""Django's PostgreSQL backend, with two additions.

schema  the site's tables live in a schema of their own (default ``strongroom``), so that a restore can
        fill another one and two renames switch. It is made on the first connection.
gate    the connection holds the site's advisory lock shared while it is open (see `ground.db.gate`).
"""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql import base as stock

LIVE_SCHEMA = "strongroom"
TURN_LOCK = 0x5354524F4E475455  # the turnstile; any fixed numbers, below 2**63
GATE_LOCK = 0x5354524F4E474741
SHARED_TIMEOUT_MS = 60_000


class DatabaseWrapper(stock.DatabaseWrapper):
    display_name = "PostgreSQL"

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        self._schema = str(params.pop("schema", LIVE_SCHEMA))
        self._gated = bool(params.pop("gate", True))
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        if not self.settings_dict["NAME"]:
            return connection  # Django's way to the server itself, to make and drop test databases
        try:
            with connection.cursor() as cursor:
                if self._gated:
                    cursor.execute(f"SET lock_timeout = {SHARED_TIMEOUT_MS}")
                    cursor.execute("SELECT pg_advisory_lock_shared(%s)", [TURN_LOCK])
                    cursor.execute("SELECT pg_advisory_lock_shared(%s)", [GATE_LOCK])
                    cursor.execute("SELECT pg_advisory_unlock_shared(%s)", [TURN_LOCK])
                    cursor.execute("RESET lock_timeout")
                cursor.execute("SELECT to_regnamespace(%s)", [self._schema])
                if cursor.fetchone()[0] is None:
                    cursor.execute(f'CREATE SCHEMA IF NOT EXISTS "{self._schema}"')
                cursor.execute("SELECT set_config('search_path', %s, false)", [self._schema])
            if not connection.autocommit:
                connection.commit()
        except BaseException:
            connection.close()
            raise
        return connection
