"""What Accord tells those who run it: counts, spans, log lines. The only package that knows OpenTelemetry.

Nothing personal is ever told: attributes are codes of the catalogue, reasons and names of methods. What is
counted stands in `measures`, once for every exporter; `docs/telemetry.md` lists it, and a test compares.
"""
