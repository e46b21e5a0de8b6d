"""Accord: a permission is given at each point of contact; no contact is made without asking."""
