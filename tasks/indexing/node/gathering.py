"""Gathers one endpoint's answers: keeps what comes, asks again for the rest, learns from what is refused."""

import time
from collections.abc import Sequence
from http import HTTPStatus
from threading import Lock
from typing import Any

from tasks.indexing.errors import CallRefusedError, EndpointError, RangeTooLargeError
from tasks.indexing.node.abilities import LARGEST_BATCH
from tasks.indexing.node.calls import Call
from tasks.indexing.node.endpoint import Endpoint, Transport
from tasks.indexing.node.replies import Answers, BatchRefusedError, NoAnswerError, Refused, read_reply

# Complaints of overload in a row, after which the others are asked.
MOST_COMPLAINTS = 4
# Longer than this nobody sleeps inside of a call: whoever called looks after its lease first.
LONGEST_WAIT_SECONDS = 3.0


class Gathering:
    """The answers of one endpoint to a list of calls, as they come together."""

    def __init__(
        self,
        transport: Transport,
        reading: Lock,
        endpoint: Endpoint,
        calls: Sequence[Call],
        most_bytes: int | None,
    ) -> None:
        self._transport, self._reading = transport, reading
        self._endpoint, self._calls, self._most_bytes = endpoint, calls, most_bytes
        self._results: dict[int, Any] = {}
        # Of a batch: what is tried now, and the smallest that was refused on the way, with its words.
        self._most = LARGEST_BATCH
        self._refused_size: tuple[int, str] | None = None
        self._fruitless = 0
        self._seconds = 0.0

    def run(self) -> tuple[list[Any], float]:
        waiting = list(range(len(self._calls)))
        while waiting:
            size = min(self._most, self._endpoint.abilities.calls_at_a_time)
            self._step(waiting[:size])
            waiting = [each for each in waiting if each not in self._results]
        if self._refused_size is not None:
            self._endpoint.abilities.batch.refuse(*self._refused_size)
        return [self._results[index] for index in range(len(self._calls))], self._seconds

    def _step(self, positions: list[int]) -> None:
        abilities = self._endpoint.abilities
        if abilities.pace.wait > LONGEST_WAIT_SECONDS:
            raise EndpointError(
                self._endpoint.name,
                f"{abilities.pace.words}; it is asked again in {abilities.pace.wait:.0f} s",
                retry_after=abilities.pace.wait,
                is_overloaded=True,
            )
        if wait := abilities.pace.wait:
            time.sleep(wait)
        abilities.pace.spend(len(positions))
        started = time.monotonic()
        asked = [self._calls[index] for index in positions]
        response = self._transport.post(self._endpoint, asked, self._most_bytes)
        self._seconds += time.monotonic() - started
        # JSON takes several times the memory of what is read from it, so there is one reply of it at a time;
        # threads would not be quicker, for Python runs one of them at a time anyway.
        with self._reading:
            try:
                answers = read_reply(response.status, response.content, asked)
            except NoAnswerError as error:
                words = self._endpoint.hush(str(error))
                if response.status == HTTPStatus.SERVICE_UNAVAILABLE or response.retry_after:
                    abilities.pace.slow_down(words, response.retry_after)
                raise EndpointError(self._endpoint.name, words, retry_after=response.retry_after) from error
            except BatchRefusedError as error:
                self._take_whole(positions, error.refused, response.retry_after)
                return
        self._take(positions, answers, response.retry_after)

    def _take_whole(self, positions: list[int], refused: Refused, retry_after: float) -> None:
        """A refusal of all calls at once: fewer show whether it was their number or one of them."""
        is_single = len(positions) == 1
        is_overload = (
            refused.asks_for_patience(self._calls[positions[0]]) if is_single else refused.is_overload
        )
        if is_overload:
            self._slow_down(refused, retry_after)
        elif is_single and refused.is_fault:
            raise EndpointError(self._endpoint.name, self._endpoint.hush(refused.words))
        elif is_single:
            self._refuse(positions[0], refused)
        else:
            self._most = len(positions) // 2
            self._refused_size = len(positions), self._endpoint.hush(refused.words)

    def _take(self, positions: list[int], answers: Answers, retry_after: float) -> None:
        abilities = self._endpoint.abilities
        for place, result in answers.results.items():
            self._results[positions[place]] = result
        overload: Refused | None = None
        crowded: Refused | None = None
        for place, refused in answers.refused.items():
            call = self._calls[positions[place]]
            if refused.asks_for_patience(call) and not (call.may_revert and refused.is_revert):
                overload = refused
            elif len(positions) > 1 and refused.may_be_of_company(call):
                crowded = refused
            else:
                self._refuse(positions[place], refused)
        if answers.results:
            abilities.pace.answer(len(answers.results))
            self._fruitless = 0
            for ability in {self._calls[positions[place]].needs for place in answers.results}:
                abilities.allow(ability)
            self._allow_range(positions, answers)
        if overload is not None:
            self._slow_down(overload, retry_after)
        elif len(answers.results) == len(positions):
            abilities.batch.allow(len(positions))
        elif crowded is not None or len(answers.results) + len(answers.refused) < len(positions):
            # What was left out is asked for again, in smaller batches.
            told = f"only {len(answers.results)} of them were answered" if crowded is None else crowded.words
            self._most = min(len(answers.results) or len(positions) // 2, len(positions) - 1)
            self._refused_size = len(positions), self._endpoint.hush(told)

    def _allow_range(self, positions: list[int], answers: Answers) -> None:
        for place in answers.results:
            if blocks := self._calls[positions[place]].blocks:
                self._endpoint.abilities.range.allow(blocks)

    def _slow_down(self, refused: Refused, retry_after: float) -> None:
        asks = f" (asks to wait for {retry_after:.0f} s)" if retry_after else ""
        words = self._endpoint.hush(refused.words) + asks
        self._endpoint.abilities.pace.slow_down(words, retry_after)
        self._fruitless += 1
        if self._fruitless >= MOST_COMPLAINTS or retry_after:
            raise EndpointError(self._endpoint.name, words, retry_after=retry_after, is_overloaded=True)

    def _refuse(self, position: int, refused: Refused) -> None:
        """A call by itself was refused: no matter of how many there were.

        Raises:
            RangeTooLargeError, CallRefusedError: unless the call may revert, and did.
        """
        call, name = self._calls[position], self._endpoint.name
        words = self._endpoint.hush(refused.words)
        if call.may_revert and refused.is_revert:
            self._results[position] = None
            return
        if call.blocks > 1:
            # Of a head that the node has not come to, as a backend that is behind, nothing is to be learnt.
            if not refused.is_unknown_block:
                self._endpoint.abilities.range.refuse(call.blocks, words, refused.span)
            raise RangeTooLargeError(name, words, refused.span)
        if not refused.is_unknown_block:
            self._endpoint.abilities.refuse(call.needs, words, is_lasting=refused.is_lasting)
        raise CallRefusedError(f"{name} refused {call.method}: {words}", is_lasting=refused.is_lasting)
