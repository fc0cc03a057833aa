"""Stand-ins of the Azure resources that the program uses. They record: there is no emulator behind them."""

from . import compute, identity, invokes, keyvault, messaging, storage, watch

__all__ = ["compute", "identity", "invokes", "keyvault", "messaging", "storage", "watch"]
