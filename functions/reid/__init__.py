"""Re-identification: tokens back into values, when somebody else approved, once, and on the record."""
