"""What one decision costs, without database or wire. Run it: `python tests/bench/decide_bench.py [--profile]`.

Prints the median and the 95th percentile in microseconds of `decide`, basic view, on customers as
they are in life; caches of hours and lanes are warm, as in a server.
"""

import cProfile
import pstats
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.histories import Act, Asked, History, Step, ToldFacts, identifier, instant, question_of

from accord.domain.commands import Question
from accord.domain.decide import decide
from accord.domain.decision import Customer
from accord.domain.policy import Policy
from accord.domain.state import decode_customer, encode
from accord.domain.terms import DAY, HOUR, SECOND, Instant

ROUNDS, CALLS = 200, 50
BASES = [
    {"id": "contract", "basis": "CURRENT_CONTRACT", "purpose_class": "MARKETING", "channels": ["voice"]},
    {"id": "consent", "basis": "PERMISSION", "purpose_class": "MARKETING", "guardian_below_age": 15},
    {"id": "sale", "basis": "SOFT_OPT_IN", "purpose_class": "MARKETING", "purchase_within_days": 1000},
]
CATALOGUE: dict[str, Any] = {
    "extends": "everything",
    "bases": BASES,
    "caps": [
        {"id": "attempts", "limit": 40, "days": 30, "calendar_days": True, "channels": ["email"], "legal": True},
        {"id": "week", "limit": 30, "days": 7},
        {"id": "year", "limit": 5000, "days": 365},
    ],
    "hours": [
        {"id": "lawful", "channels": ["email"], "lawful": True, "windows": [{"from": "08:00", "until": "20:00"}]},
        {"id": "night", "channels": ["email"], "windows": [{"from": "21:00", "until": "07:00"}]},
    ],
    "cool_downs": [{"id": "silence", "channels": ["email"], "days": 60}],
}
NOON = instant("2026-06-03T10:00Z")
NEWS = "marketing.newsletter"


def permissions() -> list[Step]:
    """Return five permissions and three refusals, as years of touchpoints leave them."""
    grants = [
        Act(customer="ada", at="web_form", contact_point="email:ada@example.com"),
        Act(customer="ada", at="birthday_form"),
        Act(customer="ada", at="alert_button", topics=("sku-1",)),
        Act(customer="ada", at="call_me", channels=("sms",)),
        Act(customer="ada", at="year_form", valid_until="2026-12-01T00:00Z"),
    ]
    refusals = [
        Act(customer="ada", purpose="marketing", channel="voice"),
        Act(customer="ada", purpose="marketing.recommendation"),
        Act(customer="ada", purpose="marketing", channel="post"),
    ]
    facts = ToldFacts(customer="ada", country="FR", time_zone="Europe/Paris", birth_year=1980)
    return [
        *[Step(time=f"2025-01-0{number + 1}T09:00Z", grant=each) for number, each in enumerate(grants)],
        *[Step(time=f"2025-01-1{number}T09:00Z", withdraw=each) for number, each in enumerate(refusals)],
        Step(time="2025-01-20T09:00Z", facts=facts),
    ]


def contacts(count: int, days: int) -> list[Step]:
    """Return contacts made by day over the last days, every other one a service message."""
    purposes = ("service.order", "marketing.newsletter")
    asked = [
        Asked(customer="ada", channel="email", purpose=purposes[number % 2], contact_id=f"c{number}")
        for number in range(count)
    ]
    times = [NOON - HOUR - (days - number * days // count) * DAY + number * SECOND for number in range(count)]
    return [Step(time=_text(each), authorize=asked[number]) for number, each in enumerate(times)]


def cases() -> dict[str, tuple[Customer, Question, Policy]]:
    """Return what is measured, by name."""
    told = permissions()
    newsletter = Asked(customer="ada", channel="email", purpose="marketing.newsletter")
    called = [
        Step(time="2025-01-01T09:00Z", grant=Act(customer="ada", at="web_form")),
        Step(time="2025-01-01T09:00Z", link=Act(customer="ada", contact_point="email:ada@example.com")),
        Step(time="2025-01-01T09:00Z", link=Act(customer="ada", contact_point="phone:+33612345678")),
        Step(time="2025-01-02T09:00Z", facts=ToldFacts(customer="ada", country="FR", time_zone="Europe/Paris")),
    ]
    busy = [*told, *contacts(60, 30)]
    return {
        "allow, one permission, no rules of time": _case("boutique", told[:1], newsletter),
        "allow, 5 permissions, 3 refusals, 60 contacts, every gate": _case(CATALOGUE, busy, newsletter),
        "allow, the same with 1,000 contacts": _case(CATALOGUE, [*told, *contacts(1000, 390)], newsletter),
        "deny, withdrawn, 60 contacts": _case(
            CATALOGUE, busy, Asked(customer="ada", channel="voice", purpose="marketing.newsletter")
        ),
        "allow, service message, 60 contacts": _case(
            CATALOGUE, busy, Asked(customer="ada", channel="email", purpose="service.order")
        ),
        "defer, quiet hours, 60 contacts": _case(CATALOGUE, busy, newsletter),
        "allow, a call in France, rule packs": _case(
            "law", called, Asked(customer="ada", channel="voice", purpose=NEWS)
        ),
        "allow, an e-mail in the EU, rule packs": _case(
            "law", called, Asked(customer="ada", channel="email", purpose=NEWS)
        ),
    }


def _case(catalogue: str | dict[str, Any], steps: list[Step], asked: Asked) -> tuple[Customer, Question, Policy]:
    history = History(catalogue).tell(steps)
    question = question_of(asked)
    customer = history.customer(identifier(asked.customer))
    if not isinstance(customer, Customer):
        raise TypeError("the history knows the customer")
    return customer, question, history.policy


def _text(time_: int) -> str:
    seconds, rest = divmod(time_, SECOND)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:06d}Z"


def measure(call: Callable[[], object]) -> tuple[float, float]:
    """Return the median and the 95th percentile of a call, in microseconds."""
    found = []
    for _ in range(ROUNDS):
        start = time.perf_counter_ns()
        for _ in range(CALLS):
            call()
        found.append((time.perf_counter_ns() - start) / CALLS / 1000)
    return statistics.median(found), statistics.quantiles(found, n=20)[-1]


def main() -> None:
    """Print the costs."""
    print(f"{'median µs':>10} {'p95 µs':>8}  what")  # noqa: T201
    for name, (customer, question, policy) in cases().items():
        now = Instant(NOON + 11 * HOUR) if name.startswith("defer") else NOON
        answer = decide(customer, question, policy, now)
        if not name.startswith(answer.verdict.name.lower()):
            raise AssertionError(f"{name}: {answer.verdict.name} {answer.reason.name}")

        def ask(customer: Customer = customer, question: Question = question, policy: Policy = policy,
                now: Instant = now) -> object:  # fmt: skip
            return decide(customer, question, policy, now)

        median, slow = measure(ask)
        print(f"{median:10.1f} {slow:8.1f}  decide: {name}")  # noqa: T201
        raw = encode(customer.state)
        median, slow = measure(lambda raw=raw: decode_customer(raw))  # type: ignore[misc]
        print(f"{median:10.1f} {slow:8.1f}    its state decoded, {len(raw):,} bytes")  # noqa: T201
        if "--profile" in sys.argv:
            _profile(ask)


def _profile(call: Callable[[], object]) -> None:
    profile = cProfile.Profile()
    profile.enable()
    for _ in range(5_000):
        call()
    profile.disable()
    pstats.Stats(profile).sort_stats("tottime").print_stats(12)


if __name__ == "__main__":
    main()
