"""A million broken payloads against the transform's own handler: `python -m local.soak`.

Valid events of every contract (`events`) of made-up people (`people`) are broken in one to three ways
(`mutations`) and given to the function as Lambda gives them (`lake`), its AWS replaced by what remembers.
What came out is held to rules that know nothing of how the transform works (`rules`); what breaks one is made
small (`shrink`) and kept.
"""
