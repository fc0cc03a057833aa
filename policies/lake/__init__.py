"""Policies over a whole lake: how its data flows, who can read what, what watches it, and where it lies.

They judge a stack that has streams of personal data and a warehouse (`judged.lakes`), and find nothing in any
other. They speak of streams, transforms, deliveries and zones (`parts`); which resources of a cloud those are
is for the cloud's adapter to say (`aws`).
"""
