"""DecisionService on the wire."""

from accord.domain.commands import Question
from accord.domain.problems import Problem, invalid
from accord.keys.callers import Callers
from accord.rpc import inbound, outbound
from accord.rpc.call import Call, call
from accord.rpc.errors import to_item_error
from accord.rpc.wire import Examiner
from accord.service.errors import CallError
from accord.service.questions import Questions
from accord.service.tokens import freshness
from accord.telemetry.tally import Tally
from accord.v1 import decision_service_pb2 as pb
from accord.v1.decision_service_pb2_grpc import DecisionServiceServicer

MAX_QUESTIONS = 1000


class DecisionService(DecisionServiceServicer):
    """Answers questions."""

    def __init__(self, questions: Questions, callers: Callers, tally: Tally) -> None:
        """Serve from these."""
        self._questions = questions
        self._tally = tally
        self.callers = callers

    @call("checker")
    def Check(self, request: pb.CheckRequest, call: Call) -> pb.CheckResponse:
        """Answer one question."""
        examiner = Examiner()
        question = inbound.question(request.question, examiner)
        full = examiner.full_view(request.view)
        examiner.done()
        answer = self._questions.check(call.brand, question, full=full, fresh=request.at_least_as_fresh)
        self._tally.decided("check", question, answer.decision)
        token = freshness(answer.head.ledger, answer.head.size)
        response = pb.CheckResponse()
        outbound.tell(response.decision, answer.decision, token, full=full)
        return response

    @call("checker")
    def BatchCheck(self, request: pb.BatchCheckRequest, call: Call) -> pb.BatchCheckResponse:
        """Answer many questions on one snapshot, in order."""
        if not 1 <= len(request.questions) <= MAX_QUESTIONS:
            raise CallError(invalid("questions", f"must have 1 to {MAX_QUESTIONS} items"))
        asked = [inbound.one_question(each, f"questions[{index}].") for index, each in enumerate(request.questions)]
        examiner = Examiner()
        full = examiner.full_view(request.view)
        examiner.done()
        head, found = self._questions.batch_check(call.brand, asked, full=full, fresh=request.at_least_as_fresh)
        token = freshness(head.ledger, head.size)
        response = pb.BatchCheckResponse()
        for told, each in zip(request.questions, found, strict=True):
            result = response.results.add()
            if isinstance(each, Problem):
                result.error.CopyFrom(to_item_error(each))
            else:
                self._tally.counted("batch", told.channel, each)
                outbound.tell(result.decision, each, token, full=full)
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
        examiner.done()
        head, found = self._questions.list_reach(call.brand, question, full=full, fresh=request.at_least_as_fresh)
        token = freshness(head.ledger, head.size)
        response = pb.ListReachResponse()
        for channel, decision in found:
            self._tally.counted("reach", channel, decision)
            outbound.tell(response.reaches.add(channel=channel).decision, decision, token, full=full)
        return response
