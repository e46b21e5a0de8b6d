"""The gates, in the order that names the primary reason. Each judges one thing and gives a finding or lets pass.

A gate is a module with `judge(case) -> Finding | None`. Those that defer also have
`opens(case, time) -> Instant`: the first instant from `time` on at which they let pass, 0 for none.
"""
