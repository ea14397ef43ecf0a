"""The icons the pages use, by their Tabler names; `config.assets` makes one SVG sprite of them."""

ICONS: tuple[str, ...] = (
    "activity", "alert-octagon", "alert-triangle", "api", "archive", "arrow-left", "arrow-right",
    "arrows-sort", "ban", "bell", "building", "certificate", "check", "checklist", "chevron-down",
    "chevron-right", "circle-check", "circle-dashed", "circle-dot", "circle-x", "clock", "cloud-off",
    "copy", "cpu", "database", "device-desktop", "device-floppy", "dots", "download", "eye", "file-text",
    "fingerprint", "flag", "folder", "heartbeat", "history", "home", "hourglass", "id", "info-circle",
    "key", "link", "link-off", "list-details", "lock", "lock-open", "login", "logout", "mail", "menu-2",
    "moon", "package", "photo", "player-pause", "player-play", "plus", "printer", "qrcode", "refresh",
    "restore", "rotate-clockwise", "search", "server", "settings", "shield", "shield-check", "shield-half",
    "shield-lock", "shield-x", "signature", "sort-ascending", "sort-descending", "stack-2", "sun",
    "terminal", "test-pipe", "ticket", "trash", "truck", "unlink", "upload", "user", "user-check", "users",
    "x",
)  # fmt: skip
