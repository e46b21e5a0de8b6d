"""The sample brand: its catalogue is sound, its year is always the same, and its stories come true."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from support.databases import Databases
from support.installations import HandClock, Parts, open_parts
from support.installations import Installation as InMemory

from accord.app import Installation
from accord.cli import serve
from accord.config import Config
from accord.domain.catalogue import Catalogue, examine
from accord.domain.commands import (
    ApplyCatalogue,
    AuthorizeContact,
    Confirm,
    Grant,
    Link,
    ReportContact,
    ReportContactPoint,
)
from accord.domain.decision import Decision
from accord.domain.identifiers import normalise
from accord.domain.policy import Policy
from accord.domain.state import Facts
from accord.domain.terms import (
    DAY,
    HOUR,
    Basis,
    Declarant,
    Identifier,
    IdentifierKind,
    Instant,
    Method,
    Position,
    PurposeClass,
    Recorder,
    Verdict,
)
from accord.sample import load
from accord.sample.life import Act, Answer, Life, customer_id, email, settle
from accord.sample.load import SAMPLE_BRAND, Loaded, SampleError, load_sample, sample_catalogue
from accord.sample.stories import STORIES
from accord.sample.stories import Answer as StoryAnswer
from accord.sample.year import YEAR, Sitting, tell_year
from accord.service import confirmation_tokens
from accord.service.answers import Request

END = Instant(1_772_464_500_000_000)
"""Monday, 2 March 2026, 15:15 UTC."""

SUNDAY_NIGHT = Instant(END - DAY + 8 * HOUR)
CHRISTMAS = Instant(END - 67 * DAY)

ANSWERS = [
    pytest.param(answer, id=f"{answer.question.customer.value}-{answer.question.purpose}-{answer.question.channel}")
    for story in STORIES
    for answer in story.answers
]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return sample_catalogue()


@pytest.fixture(scope="module")
def year() -> tuple[Sitting, ...]:
    return tell_year(END)


@pytest.fixture
def in_memory(databases: Databases, tmp_path: Path) -> Iterator[Callable[[], InMemory]]:
    opened: list[Parts] = []

    def fresh() -> InMemory:
        opened.append(open_parts("memory", databases, tmp_path))
        return InMemory(opened[-1])

    yield fresh
    for parts in opened:
        parts.close()


def no_progress(_done: int, _total: int) -> None:
    pass


def loaded_into(
    installation: InMemory,
    end: Instant = END,
    customers: int = 60,
    progress: Callable[[int, int], None] = no_progress,
) -> Loaded:
    clock = installation.clock
    assert isinstance(clock, HandClock)

    def set_time(time: Instant) -> None:
        clock.now = time

    head = next((head for head in installation.store.heads() if head.brand == SAMPLE_BRAND), None)
    loaded = load_sample(
        installation.writer,
        installation.lookups,
        SAMPLE_BRAND,
        set_time,
        end,
        progress,
        head=head,
        customers=customers,
    )
    clock.now = end
    return loaded


def size_of(installation: InMemory) -> int:
    return next(head.size for head in installation.store.heads() if head.brand == SAMPLE_BRAND)


def comes_true(answer: StoryAnswer, decision: Decision) -> bool:
    if (decision.verdict, decision.reason) == (answer.verdict, answer.reason):
        return True
    return answer.unless is not None and (decision.verdict, decision.reason) == (Verdict.DEFER, answer.unless)


# --- The catalogue -------------------------------------------------------------------------------------


def test_the_sample_catalogue_has_no_fault(catalogue: Catalogue) -> None:
    assert examine(catalogue, None) == ()


def test_every_channel_is_there(catalogue: Catalogue) -> None:
    assert [channel.code for channel in catalogue.channels] == [
        "email",
        "sms",
        "push",
        "voice",
        "post",
        "chat",
        "social",
        "in_store",
        "in_app",
    ]


def test_the_purpose_tree_carries_marketing_alerts_offers_service_law_safety_and_processing(
    catalogue: Catalogue,
) -> None:
    purposes = {purpose.code for purpose in catalogue.purposes}

    assert len(purposes) >= 30
    assert {purpose.purpose_class for purpose in catalogue.purposes} == set(PurposeClass)
    assert purposes >= {
        "marketing.thanks",
        "marketing.abandoned_cart",
        "marketing.birthday",
        "marketing.recommendation",
        "alert.back_in_stock",
        "alert.price_drop",
        "offer.in_store",
        "service.order",
        "service.delivery",
        "service.comment_reply",
        "service.appointment",
        "safety.recall",
        "legal.terms_change",
        "profiling.social_listening",
        "sharing.partner",
        "agency.purchase",
    }


def test_there_are_at_least_34_touchpoints_each_with_a_level_and_a_notice_in_french_and_english(
    catalogue: Catalogue,
) -> None:
    levels = {level.code for level in catalogue.levels}
    notices = {notice.code: notice for notice in catalogue.notices}

    assert len(catalogue.touchpoints) >= 34
    for touchpoint in catalogue.touchpoints:
        assert touchpoint.level in levels, touchpoint.code
        assert notices[touchpoint.notice].languages == ["fr", "en"], touchpoint.code


def test_every_notice_names_the_controller_in_each_language_and_stands_on_one_line(catalogue: Catalogue) -> None:
    for notice in catalogue.notices:
        for text in notice.texts:
            assert catalogue.controller in text.text, notice.code
            assert "\n" not in text.text, notice.code
            assert "  " not in text.text, notice.code


def test_every_term_of_a_permission_is_asked_for_somewhere(catalogue: Catalogue) -> None:
    used = {touchpoint.level for touchpoint in catalogue.touchpoints}
    levels = [level for level in catalogue.levels if level.code in used]

    assert used == {level.code for level in catalogue.levels}
    assert any(level.uses == 1 and level.valid_days for level in levels)
    assert any(level.topics_required for level in levels)
    assert any(level.places_required for level in levels)
    assert any(level.recipients_required for level in levels)
    assert any(level.confirmation_hours for level in levels)


def test_a_permission_is_the_first_ground_everywhere_and_for_processing_the_only_one(catalogue: Catalogue) -> None:
    policy = Policy(catalogue, 1)
    for purpose in catalogue.purposes:
        if purpose.purpose_class is PurposeClass.MARKETING:
            for channel in policy.channels:
                assert policy.lane(purpose.code, channel, Facts(), END).bases[0].basis is Basis.PERMISSION, (
                    purpose.code,
                    channel,
                )
        if purpose.purpose_class is PurposeClass.PROCESSING:
            assert [term.basis for term in policy.lane(purpose.code, "", Facts(), END).bases] == [Basis.PERMISSION], (
                purpose.code
            )


# --- The year ------------------------------------------------------------------------------------------


def test_a_year_told_twice_is_the_same_and_another_seed_tells_another() -> None:
    assert tell_year(END, 200) == tell_year(END, 200)
    assert tell_year(END, 200) != tell_year(END, 200, seed=2)


def test_a_smaller_sample_is_the_beginning_of_a_larger_one() -> None:
    def acts_of(customers: int) -> dict[str, Act]:
        return {act.id: act for sitting in tell_year(END, customers) for act in sitting.acts}

    few, many = acts_of(50), acts_of(80)
    assert few.items() <= many.items()
    assert len(few) < len(many)


def test_a_sample_holds_its_stories_and_no_more_customers_than_there_are_numbers_for_fiction() -> None:
    for customers in (0, len(STORIES) - 1, 10_001):
        with pytest.raises(ValueError, match="customers"):
            tell_year(END, customers)


def test_sittings_ascend_through_the_year_to_its_end(year: tuple[Sitting, ...]) -> None:
    times = [sitting.time for sitting in year]

    assert times == sorted(set(times))
    assert END - YEAR < times[0] < END - YEAR + 3 * DAY
    assert times[-1] == END


def test_every_act_lies_before_the_sitting_that_records_it_and_after_the_one_that_recorded_what_it_rests_on(
    year: tuple[Sitting, ...],
) -> None:
    recorded: dict[str, Instant] = {}
    sent: dict[str, Instant] = {}
    for sitting in year:
        for act in sitting.acts:
            assert act.id not in recorded
            assert recorded.get(act.rests_on, Instant(0)) < act.time <= sitting.time
            if isinstance(act.command, ReportContact) and act.command.outcome_time:
                sent[act.rests_on] = act.command.outcome_time
                assert recorded[act.rests_on] < sent[act.rests_on] <= sitting.time
            if isinstance(act.command, Confirm):
                assert sent[act.rests_on] <= act.command.evidence.act_time == act.time
        recorded.update((act.id, sitting.time) for act in sitting.acts)


def test_nobody_gives_anything_else_while_a_confirmation_is_awaited(year: tuple[Sitting, ...]) -> None:
    newest: dict[Identifier, str] = {}
    asking: dict[str, tuple[Identifier, str]] = {}
    clicks = 0
    for sitting in year:
        for act in sitting.acts:
            match act.command:
                case Grant():
                    newest[act.command.customer] = act.id
                case AuthorizeContact() if act.rests_on:
                    asking[act.id] = (act.command.customer, act.rests_on)
                case Confirm():
                    customer, grant = asking[act.rests_on]
                    assert newest[customer] == grant
                    clicks += 1
    assert clicks > 1000


def test_customers_come_by_nearly_every_touchpoint(year: tuple[Sitting, ...], catalogue: Catalogue) -> None:
    come_by = {
        act.command.evidence.touchpoint for sitting in year for act in sitting.acts if isinstance(act.command, Grant)
    }
    assert len(come_by) >= 40
    assert come_by <= {touchpoint.code for touchpoint in catalogue.touchpoints}


def test_every_address_is_made_up_and_in_its_normal_form(year: tuple[Sitting, ...]) -> None:
    seen = set(_addresses(year))

    for address in seen:
        assert normalise(address.kind, address.value) == address
        if address.kind is IdentifierKind.EMAIL:
            assert address.value.endswith(("@example.com", "@example.org"))
        if address.kind is IdentifierKind.PHONE:
            assert address.value.startswith(("+3319900", "+3363998", "+447700900"))
    assert {address.kind for address in seen} == set(IdentifierKind) - {IdentifierKind.CUSTOMER_ID}


def _addresses(year: tuple[Sitting, ...]) -> Iterator[Identifier]:
    for sitting in year:
        for act in sitting.acts:
            match act.command:
                case Link(contact_point=address) | ReportContactPoint(contact_point=address):
                    yield address
                case Grant(contact_point=address) if address is not None:
                    yield address
                case _:
                    pass


# --- The load ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Installation, Loaded]]:
    now = [END]
    installation = Installation(Config(data=tmp_path_factory.mktemp("sample")), clock=lambda: now[0])
    installation.migrate()

    def set_time(time: Instant) -> None:
        now[0] = time

    loaded = load_sample(
        installation.writer, installation.lookups, SAMPLE_BRAND, set_time, END, no_progress, customers=200
    )
    yield installation, loaded
    installation.close()


def test_the_loaded_ledger_stands_every_audit(sqlite: tuple[Installation, Loaded]) -> None:
    installation, loaded = sqlite
    report = installation.audit(SAMPLE_BRAND)

    assert report.faults == ()
    assert report.entries == loaded.entries > 1000
    assert sum(loaded.denied.values()) > 20


@pytest.mark.parametrize("answer", ANSWERS)
def test_each_story_comes_true(sqlite: tuple[Installation, Loaded], answer: StoryAnswer) -> None:
    installation, _ = sqlite
    decision = installation.questions.check(SAMPLE_BRAND, answer.question).decision

    assert comes_true(answer, decision), (decision.verdict.name, decision.reason.name)


@pytest.mark.parametrize("end", [SUNDAY_NIGHT, CHRISTMAS])
def test_the_stories_come_true_whenever_the_sample_is_loaded(in_memory: Callable[[], InMemory], end: Instant) -> None:
    installation = in_memory()
    loaded_into(installation, end, len(STORIES))

    for story in STORIES:
        for answer in story.answers:
            decision = installation.questions.check(SAMPLE_BRAND, answer.question).decision
            assert comes_true(answer, decision), (story.summary, answer, decision.verdict.name, decision.reason.name)


def test_a_start_says_that_it_loads_only_where_something_is_loaded(
    in_memory: Callable[[], InMemory], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    installation, config = in_memory(), Config.read({"ACCORD_DATA": str(tmp_path)})
    loads = SimpleNamespace(load_sample=lambda _, progress: loaded_into(installation, progress=progress))
    for said in ("Loading a year of the sample brand", ""):
        with click.Context(serve.serve, obj=loads):
            serve._load_sample(config)
        assert capsys.readouterr().out.strip() == said


def test_progress_ends_when_every_act_is_done(in_memory: Callable[[], InMemory]) -> None:
    told: list[tuple[int, int]] = []
    loaded_into(in_memory(), progress=lambda done, total: told.append((done, total)))

    total = sum(len(sitting.acts) for sitting in tell_year(END, 60))
    assert told[0] == (0, total)
    assert told[-1] == (total, total)
    assert told == sorted(told)


class CutShortError(Exception):
    """The process dies here."""


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.999])
def test_a_load_that_was_cut_short_goes_on_where_it_stood_however_late(
    in_memory: Callable[[], InMemory], share: float
) -> None:
    def cut(done: int, total: int) -> None:
        if done >= share * total:
            raise CutShortError

    whole, parted = in_memory(), in_memory()
    loaded = loaded_into(whole)
    with pytest.raises(CutShortError):
        loaded_into(parted, progress=cut)
    before = size_of(parted)
    rest = loaded_into(parted, Instant(END + DAY))

    assert before + rest.entries == size_of(parted)
    assert size_of(whole) == loaded.entries
    # The tokens of links on their way went with the process, so those links are asked for anew.
    on_their_way = size_of(parted) - size_of(whole)
    assert 0 <= on_their_way < 5


def test_loading_a_loaded_sample_writes_nothing(in_memory: Callable[[], InMemory]) -> None:
    installation = in_memory()
    loaded = loaded_into(installation)

    assert loaded_into(installation, Instant(END + 3 * DAY)) == Loaded(0, {})
    assert size_of(installation) == loaded.entries


def test_a_brand_with_a_ledger_of_its_own_is_left_alone(
    in_memory: Callable[[], InMemory], catalogue: Catalogue
) -> None:
    installation = in_memory()
    installation.writer.write(SAMPLE_BRAND, [Request(command=ApplyCatalogue(catalogue=catalogue), caller="somebody")])

    with pytest.raises(SampleError, match="does not hold this sample"):
        loaded_into(installation)
    assert size_of(installation) == 1


def test_a_command_that_is_turned_away_stops_the_load(
    in_memory: Callable[[], InMemory], monkeypatch: pytest.MonkeyPatch
) -> None:
    life = Life(1)
    life.grants(END, "no_such_touchpoint")
    monkeypatch.setattr(load, "tell_year", lambda _end, _customers: (Sitting(END, tuple(life.acts)),))

    with pytest.raises(SampleError, match=r"customer-00001/000, a Grant, was turned away: unknown touchpoint"):
        loaded_into(in_memory())


def test_a_link_asks_about_what_was_given_and_a_click_takes_the_token_of_its_link() -> None:
    life = Life(1)
    grant = life.grants(END, "web_newsletter_form", address=email(1))
    asked = life.is_asked_to_confirm(END, grant)
    life.clicks(END, asked, "web_newsletter_form")
    _, link, report, click = life.acts

    settled = settle(link, {grant: Answer(Position(7))})
    assert isinstance(settled, AuthorizeContact)
    assert (settled.confirms, settled.customer) == (7, customer_id(1))
    token = confirmation_tokens.write(bytes(16), bytes(32))
    clicked = settle(click, {asked: Answer(Position(8), token)})
    assert isinstance(clicked, Confirm)
    assert clicked.token == confirmation_tokens.read(token)
    assert clicked.evidence.declarant is Declarant.CUSTOMER
    assert (clicked.evidence.method, clicked.evidence.recorder) == (Method.CONFIRMATION_LINK, Recorder.SYSTEM)
    for act in (link, click, report):
        assert settle(act, {}) is None
