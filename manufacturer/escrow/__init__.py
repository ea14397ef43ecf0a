"""What units lodge with the desk (values, heads), their drills, and the mirror of custody's ledger."""
