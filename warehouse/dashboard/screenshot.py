"""``python -m warehouse.dashboard.screenshot [ADDRESS]``: takes the README's picture, by hand.

It needs a dashboard that is served (``python -m local dashboard``) and a Chromium (Debian: ``apt-get install
chromium``). A picture is taken once everything is drawn, and not of Streamlit's placeholders.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

from warehouse.dashboard.connection import ROOT

PICTURE = ROOT / "docs" / "images" / "dashboard.png"
SIZE = {"width": 1440, "height": 1180}
# Streamlit marks what it still computes as stale; Altair draws on a canvas or an svg inside each chart.
CHART = '[data-testid="stVegaLiteChart"]'
DRAWN = f"""() => !document.querySelector('[data-stale="true"], [data-testid="stSkeleton"]')
  && document.querySelectorAll('{CHART} canvas, {CHART} svg').length >= 3"""


def take(address: str, picture: Path) -> None:
    """Take a picture of the page."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("no Chromium found: install one (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = chromium.new_page(viewport=SIZE, device_scale_factor=1.5)  # pyright: ignore[reportArgumentType]  # its TypedDict
        page.goto(address)
        page.wait_for_function(DRAWN, timeout=90_000)
        page.wait_for_timeout(1500)  # charts grow to their width
        picture.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=picture)
        chromium.close()


def _served() -> str:
    noted = ROOT / ".local" / "run" / "dashboard.pid.json"
    if not noted.exists():
        raise SystemExit("no dashboard is served here: `python -m local dashboard` serves it")
    return f"http://127.0.0.1:{json.loads(noted.read_text())['port']}/"


def main() -> None:
    """Take the picture that the README shows."""
    parser = argparse.ArgumentParser(prog="warehouse.dashboard.screenshot", description=__doc__)
    parser.add_argument("address", nargs="?", help="where it is served; by default, by this laptop's lake")
    given = parser.parse_args()
    address = given.address or _served()
    take(address, PICTURE)


if __name__ == "__main__":
    main()
