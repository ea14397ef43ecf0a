"""The way back: transfer, preview, restore, and the readout whether it would work today."""
