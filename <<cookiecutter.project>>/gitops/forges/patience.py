"""What is asked again when it is refused for now, how often, and after how long."""

from time import sleep

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_exponential_jitter

from gitops.settings import Refused

TRIES = 4  # with the pauses between them 7 to 10 s: as long as a server takes to restart
BACKOFF = wait_exponential_jitter(initial=1, max=4)  # seconds, and up to one more by chance
# GitHub's limit on bursts asks for one minute. The hourly one may ask for sixty, which a paid
# runner must not sleep through.
LONGEST = 90


class Passing(Refused):
    """Refused for now."""

    def __init__(self, message: str, wait: float = 0, *, taken: bool = True) -> None:
        super().__init__(message)
        self.wait = wait
        self.taken = taken  # whether what was asked may have been done all the same

    @property
    def soon(self) -> bool:
        return self.wait <= LONGEST


def pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    return max(error.wait if isinstance(error, Passing) else 0, BACKOFF(state))


def patient(once: bool) -> Retrying:
    def worth_it(error: BaseException) -> bool:
        return isinstance(error, Passing) and error.soon and not (once and error.taken)

    return Retrying(
        retry=retry_if_exception(worth_it),
        stop=stop_after_attempt(TRIES),
        wait=pause,
        sleep=lambda seconds: sleep(seconds),
        reraise=True,
    )


again = patient(once=False).wraps  # for what looks first: doing it twice is doing it once
anew = patient(once=True).wraps  # for what would happen twice: only what was surely not done
