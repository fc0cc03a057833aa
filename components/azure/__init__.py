"""The stages on Azure: experimental, declared whole, and not yet run."""
