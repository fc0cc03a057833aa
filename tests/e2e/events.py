"""Sales made for a test, in stores that the real data does not have."""

import json
from typing import Any

SECRET = "zaphod.beeblebrox@magrathea.example"


def sale(number: int, store: str = "9001", **change: Any) -> str:
    """One sale of 3.50 and two units, as a line; `change` replaces properties of its data."""
    line = dict.fromkeys(("retail_disc", "coupon_disc", "coupon_match_disc"), 0)
    data = {
        "transaction_id": f"{store}-{number}",
        "store_id": store,
        "currency": "USD",
        "customer": {"loyalty_id": f"L-{store}", "email": SECRET},
        "lines": [{"line": 1, "product_id": "42", "quantity": 2, "sales_value": 3.5, **line}],
        "total": "3.50",
    }
    event = {
        "event_id": f"{store}-{number}",
        "source": "pos",
        "event_type": "sale",
        "schema_version": 1,
        "producer_ts": "2017-06-01T12:00:00Z",
        "data": {**data, **change},
    }
    return json.dumps(event)
