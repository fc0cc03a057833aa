"""The CrossGuard policy pack: one module per service, assembled in ``pack``."""
