"""DecisionService on the wire."""

from accord.domain.commands import Question
from accord.domain.problems import Problem, invalid
from accord.keys.callers import Callers
from accord.rpc import inbound, outbound
from accord.rpc.call import Call, call
from accord.rpc.errors import to_item_error
from accord.rpc.wire import Examiner
from accord.service.errors import CallError
from accord.service.past import Then
from accord.service.past_questions import PastQuestions
from accord.service.questions import Questions
from accord.service.tokens import freshness
from accord.telemetry.tally import Tally
from accord.v1 import decision_pb2
from accord.v1 import decision_service_pb2 as pb
from accord.v1.decision_service_pb2_grpc import DecisionServiceServicer

MAX_QUESTIONS = 1000


class DecisionService(DecisionServiceServicer):
    """Answers questions."""

    def __init__(self, questions: Questions, past: PastQuestions, callers: Callers, tally: Tally) -> None:
        """Serve from these."""
        self._questions = questions
        self._past = past
        self._tally = tally
        self.callers = callers

    @call("checker")
    def Check(self, request: pb.CheckRequest, call: Call) -> pb.CheckResponse:
        """Answer one question."""
        examiner = Examiner()
        question = inbound.question(request.question, examiner)
        full = examiner.full_view(request.view)
        language = examiner.language(request.language)
        if request.HasField("as_of") or request.HasField("as_known_at") or request.as_known_by:
            return self._check_past(request, question, examiner, call, language, full=full)
        examiner.done()
        answer = self._questions.check(call.brand, question, full=full, fresh=request.at_least_as_fresh)
        self._tally.decided("check", question, answer.decision)
        token = freshness(answer.head.origin, answer.head.size)
        response = pb.CheckResponse()
        outbound.tell(response.decision, answer.decision, token, language)
        return response

    def _check_past(  # noqa: PLR0913 - a question has this many sides
        self, request: pb.CheckRequest, question: Question, examiner: Examiner, call: Call, language: str, *, full: bool
    ) -> pb.CheckResponse:
        """Answer for the past, where nobody takes it for leave to send."""
        then = Then(
            as_of=examiner.instant("as_of", request, "as_of"),
            as_known_at=examiner.instant("as_known_at", request, "as_known_at"),
            as_known_by=request.as_known_by,
        )
        examiner.done()
        found = self._past.check(call.brand, question, then, full=full, fresh=request.at_least_as_fresh)
        response = pb.CheckResponse()
        response.past.as_of.CopyFrom(request.as_of)
        response.past.known_size = found.moment.size
        token = freshness(found.ledger, found.moment.size)
        outbound.tell(response.past.decision, found.decision, token, language)
        return response

    @call("checker")
    def BatchCheck(self, request: pb.BatchCheckRequest, call: Call) -> pb.BatchCheckResponse:
        """Answer many questions on one snapshot, in order."""
        if not 1 <= len(request.questions) <= MAX_QUESTIONS:
            raise CallError(invalid("questions", f"must have 1 to {MAX_QUESTIONS} items"))
        asked = inbound.questions(request.questions)
        examiner = Examiner()
        full = examiner.full_view(request.view, of_batch=True)
        language = examiner.language(request.language)
        examiner.done()
        head, found = self._questions.batch_check(call.brand, asked, full=full, fresh=request.at_least_as_fresh)
        response = pb.BatchCheckResponse(token=freshness(head.origin, head.size))
        teller = outbound.Teller(response.token, language)
        verdicts_only = request.view == decision_pb2.DECISION_VIEW_VERDICT
        for each in found:
            if isinstance(each, Problem):
                response.results.add().error.CopyFrom(to_item_error(each))
            elif verdicts_only:
                response.results.append(outbound.verdict(each.verdict, each.reason, each.not_before))
            else:
                teller.tell(response.results.add().decision, each)
        self._tally.counted("batch", zip((each.channel for each in request.questions), found, strict=True))
        return response

    @call("checker")
    def ListReach(self, request: pb.ListReachRequest, call: Call) -> pb.ListReachResponse:
        """Answer for every channel of the catalogue."""
        examiner = Examiner()
        question = Question(
            customer=examiner.customer("customer", request.customer),
            purpose=examiner.code("purpose", request.purpose, required=True),
            topic=examiner.code("topic", request.topic),
            place=examiner.code("place", request.place),
        )
        full = examiner.full_view(request.view)
        language = examiner.language(request.language)
        examiner.done()
        head, found = self._questions.list_reach(call.brand, question, full=full, fresh=request.at_least_as_fresh)
        teller = outbound.Teller(freshness(head.origin, head.size), language)
        response = pb.ListReachResponse()
        for channel, decision in found:
            teller.tell(response.reaches.add(channel=channel).decision, decision)
        self._tally.counted("reach", found)
        return response
