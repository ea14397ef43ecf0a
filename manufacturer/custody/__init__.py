"""The keeper of the escrow authority's private key: believes signed documents and nothing else."""
