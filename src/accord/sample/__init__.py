"""The sample brand: a made-up retailer with stores, and a made-up year of its customers."""
