"""How a use case says that it could not do what was asked: a problem, raised."""

from accord.domain.problems import ErrorReason, Problem, Violation


class CallError(Exception):
    """The call failed for the reason its problem names; nothing was appended."""

    def __init__(self, problem: Problem) -> None:
        """Hold the problem."""
        super().__init__(problem.text)
        self.problem = problem


def catalogue_missing() -> CallError:
    """Say that the brand has no catalogue yet."""
    problem = Problem(
        ErrorReason.CATALOGUE_MISSING, "the brand has no catalogue yet; apply one first", (), {"field": "brand"}
    )
    return CallError(problem)


def request_id_reused() -> Problem:
    """Say that the request_id named another request before."""
    fault = Violation("request_id", "was used before with other content; use a new one for a new request")
    return Problem(ErrorReason.REQUEST_ID_REUSED, "the request_id was used before", (fault,), {"field": "request_id"})


def contact_unknown() -> Problem:
    """Say that no contact of this name is known; an erasure leaves nothing that tells it from one that never was."""
    fault = Violation("contact_id", "must name a contact that was authorised, of a customer who was not erased since")
    message = "no contact of this name is known: it was never authorised, or its customer was erased"
    return Problem(ErrorReason.CONTACT_UNKNOWN, message, (fault,), {"field": "contact_id"})


def customer_unknown(field: str = "customer") -> Problem:
    """Say that nobody is known by the key."""
    return Problem(ErrorReason.CUSTOMER_UNKNOWN, "nobody is known by this key", (), {"field": field})


def customer_ambiguous(holders: int, field: str = "customer") -> Problem:
    """Say that several customers hold the address, how many, and what to do about it; never who they are."""
    message = (
        f"{holders} customers hold this address: name one by customer_id, merge them if they are one person, "
        "or unlink the address from those who no longer hold it"
    )
    return Problem(ErrorReason.CUSTOMER_AMBIGUOUS, message, (), {"field": field, "holders": str(holders)})


def customer_not_merged() -> Problem:
    """Say that the customer is in no group."""
    return Problem(ErrorReason.CUSTOMER_NOT_MERGED, "the customer is merged with nobody", (), {"field": "customer"})


def customer_erased(field: str = "customer") -> Problem:
    """Say that the customer was erased, or is being erased."""
    return Problem(ErrorReason.CUSTOMER_ERASED, "the customer was erased", (), {"field": field})


def customer_changed() -> Problem:
    """Say that an entry came between reading a customer's history and erasing them; who reads it anew succeeds."""
    return Problem(ErrorReason.OVERLOADED, "the customer changed meanwhile", (), {"limit": "1"})


def store_unavailable() -> Problem:
    """Say that the database cannot be reached, so that nothing is known."""
    return Problem(ErrorReason.STORE_UNAVAILABLE, "the database cannot be reached now; nothing is known or allowed")
