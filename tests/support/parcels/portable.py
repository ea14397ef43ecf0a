from ground.db.portable import portable

portable("parcels.Sticker", "image", ["id", "text"])
portable(
    "parcels.Parcel",
    "image",
    [
        *["id", "created_at", "title", "colour", "slug", "inside", "stickers", "weight", "big", "small"],
        *["ratio", "fragile", "sent_at", "day", "hour", "took", "facts", "raw", "note"],
    ],
)
