"""An upgrade from each version that was ever deployed keeps all that holds data. See docs/upgrades.md."""
