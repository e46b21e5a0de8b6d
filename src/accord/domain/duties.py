"""How long something must be kept, or by when it must be done: the last day of a duty.

Duties decide no contact: Accord applies a no at once, whatever time the law leaves the firm. Where a
date can be read in two ways, what is kept is kept longer, and what is due is due sooner: a year after
29 February, and business days that count public holidays, which differ from place to place.
"""

from datetime import date, timedelta

from accord.domain.rules import DutyRule


def last_day(duty: DutyRule, since: date) -> date:
    """Return the last day on which it must still be kept, or by which it must be done."""
    if duty.business_days:
        return _business_days_after(since, duty.business_days)
    if duty.days:
        return since + timedelta(days=duty.days)
    try:
        return since.replace(year=since.year + duty.years)
    except ValueError:
        # 29 February in a year that has none.
        return date(since.year + duty.years, 3, 1) if duty.keep else date(since.year + duty.years, 2, 28)


def _business_days_after(day: date, count: int) -> date:
    while count:
        day += timedelta(days=1)
        count -= day.isoweekday() <= 5
    return day
