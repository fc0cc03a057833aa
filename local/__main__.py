"""``python -m local``: the user's hand on the laptop lake."""

from local.cli.app import main

if __name__ == "__main__":
    main()
