"""Under whose law does a customer live? Unknown facts take every candidate, and the law of all of them.

A place is the chain of packs that count together, the widest first, such as the EU's and France's.
Without a country the candidates are the brand's own and those of the time zone, where that is known
(`docs/decisions/0010`, `0016`); without a region that can be told, the country with each of its parts and
without any. A country that no pack names is under the pack for elsewhere.
"""

import re

from msgspec import Struct

from accord.domain.calendar import countries_of
from accord.domain.lane import Assumed
from accord.domain.packs import Edition
from accord.domain.rules import Pack

Place = tuple[Pack, ...]

_REGION = re.compile(r"(?:[A-Z]{2}-)?([A-Z0-9]{1,3})\Z")
"""A region told by its code in ISO 3166-2; anything else tells nothing."""


class Places(Struct, frozen=True):
    """Where a customer may live. `assumed` says what was taken for want of facts; `brand` is the brand's."""

    candidates: tuple[Place, ...]
    brand: Place
    assumed: Assumed | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names that tell these places from others, in one edition and for one brand."""
        missing = self.assumed.missing if self.assumed else ""
        return (*("+".join(pack.jurisdiction for pack in place) for place in self.candidates), missing)


def places(edition: Edition, country: str, region: str, time_zone: str, home_country: str) -> Places:
    """Return every place the customer may live in, as far as the packs tell places apart."""
    countries = (country,) if country else tuple(dict.fromkeys((home_country, *countries_of(time_zone))))
    found: list[Place] = []
    for each in countries:
        found.extend(place for place in _of_country(edition, each, region) if place not in found)
    brand = _of_country(edition, home_country, "-")[0]
    return Places(tuple(found), brand, _assumed(country, found))


def _assumed(country: str, found: list[Place]) -> Assumed | None:
    if country and len(found) == 1:
        return None
    return Assumed("region" if country else "country", tuple(place[-1].jurisdiction for place in found))


def _of_country(edition: Edition, country: str, region: str) -> list[Place]:
    packs = edition.packs.values()
    everywhere = tuple(pack for pack in packs if pack.everywhere)
    named = [pack for pack in packs if country in pack.countries and not pack.regions]
    narrowest = [pack for pack in named if not any(other.within == pack.jurisdiction for other in named)]
    if not narrowest:
        return [(*everywhere, *(pack for pack in packs if pack.elsewhere))]
    whole = (*everywhere, *_chain(edition, narrowest[0]))
    parts = [pack for pack in packs if pack.regions and country in pack.countries]
    told = _REGION.match(region.upper())
    if told:
        return [(*whole, *(pack for pack in parts if told[1] in pack.regions))]
    return [whole, *((*whole, pack) for pack in parts)] if region != "-" else [whole]


def _chain(edition: Edition, pack: Pack) -> Place:
    wider = edition.packs.get(pack.within)
    return (*_chain(edition, wider), pack) if wider else (pack,)
