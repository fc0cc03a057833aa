"""Check the contracts: `python -m contracts` lists them, or says everything that is wrong with them."""

import sys

from contracts import ContractError, dotted, load

try:
    catalogue = load()
except ContractError as error:
    sys.exit(str(error))
for contract in catalogue.contracts:
    personal = ", ".join(f"{dotted(pii.path)} ({pii.kind})" for pii in contract.pii) or "nothing"
    name = f"{contract.source}/{contract.event}.v{contract.version}"
    sys.stdout.write(f"{name}: {len(contract.columns)} columns; personal: {personal}\n")
