"""``make demo``: the whole journey, played by REST on real disk images, every figure measured."""
