"""What comes in one tick is one inference; who is large waits, and who breaks it breaks alone."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from serving import batch
from serving.batch import PIECE, Batcher
from serving.rows.table import Table


class Model:
    """Doubles numbers, and remembers how many at a time."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, columns: Mapping[str, Any]) -> NDArray[np.float32]:
        values = columns["x"]
        self.sizes.append(len(values))
        if -1 in values:
            raise ValueError
        return np.asarray(values, np.float32) * 2


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def batcher(model: Model) -> Batcher:
    return Batcher(lambda rows: {"x": list(rows)}, model)


def play(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 30))


def test_requests_of_one_tick_are_one_inference(batcher: Batcher, model: Model) -> None:
    async def story() -> None:
        asked = [batcher.predict(rows) for rows in ([1], [2, 3], [4])]
        assert batcher.waiting == 4
        assert await asyncio.gather(*asked) == [[2], [4, 6], [8]]
        assert batcher.waiting == 0
        assert await batcher.predict([5]) == [10]

    play(story())
    assert model.sizes == [4, 1]


def test_rows_and_columns_of_one_tick_are_one_inference(model: Model) -> None:
    def columns(rows: Any) -> Mapping[str, Any]:
        return rows.columns if isinstance(rows, Table) else {"x": np.array(rows)}

    async def story() -> None:
        joined = Batcher(columns, model)
        table = Table({"x": np.array([2, 3])}, (), 2)
        asked = [joined.predict(rows) for rows in ([1], table, [4])]
        assert await asyncio.gather(*asked) == [[2], [4, 6], [8]]
        large = Table({"x": np.arange(2 * PIECE + 1)}, (), 2 * PIECE + 1)
        assert await joined.predict(large) == [2 * value for value in range(2 * PIECE + 1)]

    play(story())
    assert model.sizes == [4, PIECE, PIECE, 1]


def test_no_inference_is_larger_than_a_piece(batcher: Batcher, model: Model) -> None:
    async def story() -> None:
        sizes = (PIECE, PIECE - 1, 1, 2 * PIECE + 1, PIECE // 2)
        asked = [batcher.predict(range(size)) for size in sizes]
        for size, answers in zip(sizes, await asyncio.gather(*asked), strict=True):
            assert list(answers) == [2 * value for value in range(size)]
        assert batcher.waiting == 0

    play(story())
    assert max(model.sizes) <= PIECE
    assert len(model.sizes) == 6


def test_small_requests_are_answered_between_the_pieces_of_a_large_one(
    batcher: Batcher,
) -> None:
    async def story() -> None:
        large = batcher.predict(range(10 * PIECE))
        for value in range(5):
            await batcher.predict([value])
        assert not large.done()
        assert len(await large) == 10 * PIECE

    play(story())


@pytest.mark.parametrize("wrong", [[-1], [7, -1]])
def test_one_that_breaks_the_model_breaks_it_for_nobody_else(
    batcher: Batcher, wrong: Sequence[int]
) -> None:
    async def story() -> None:
        asked = [batcher.predict(rows) for rows in ([1], wrong, [2])]
        first, broken, last = await asyncio.gather(*asked, return_exceptions=True)
        assert (first, last) == ([2], [4])
        assert isinstance(broken, ValueError)
        assert batcher.waiting == 0

    play(story())


def test_a_large_one_that_breaks_it_ends_there(batcher: Batcher, model: Model) -> None:
    async def story() -> None:
        broken = batcher.predict([*range(PIECE), -1, *range(PIECE)])
        after = batcher.predict(range(2 * PIECE))
        with pytest.raises(ValueError):  # noqa: PT011 - the model's own
            await broken
        assert len(await after) == 2 * PIECE
        assert batcher.waiting == 0

    play(story())
    assert len(model.sizes) == 4


@pytest.mark.parametrize("size", [1, 3 * PIECE])
def test_a_client_that_is_gone_is_not_answered(batcher: Batcher, model: Model, size: int) -> None:
    async def story() -> None:
        gone = batcher.predict(range(size))
        gone.cancel()
        assert await batcher.predict([1]) == [2]
        for _ in range(5):
            await asyncio.sleep(0)
        assert batcher.waiting == 0

    play(story())
    assert sum(model.sizes) <= 2


def test_each_inference_is_told(model: Model) -> None:
    told: list[tuple[Any, list[float]]] = []

    def seen(columns: Mapping[str, Any], answers: NDArray[np.float32]) -> None:
        told.append((columns["x"], answers.tolist()))

    async def story() -> None:
        joined = Batcher(lambda rows: {"x": list(rows)}, model, seen)
        await asyncio.gather(joined.predict([1]), joined.predict([2]))

    play(story())
    assert told == [([1, 2], [2, 4])]


def test_requests_are_grouped_in_their_order() -> None:
    async def story() -> None:
        future: asyncio.Future[Sequence[float]] = asyncio.get_running_loop().create_future()
        sizes = (PIECE - 1, 1, 1, PIECE)
        groups = batch.portions([(range(size), future) for size in sizes])
        assert [[len(rows) for rows, _ in group] for group in groups] == [
            [PIECE - 1, 1],
            [1],
            [PIECE],
        ]

    play(story())


def test_when_the_answers_of_an_inference_are_there_it_is_told(batcher: Batcher) -> None:
    """Once for requests that share one, and at last where one request takes several."""
    seen: list[list[bool]] = []

    async def story() -> None:
        asked = [batcher.predict(rows) for rows in ([1], [2, 3], [4], range(PIECE))]
        batcher.settled = lambda: seen.append([one.done() for one in asked])
        await asyncio.gather(*asked)
        assert seen == [[True] * 3 + [False], [True] * 4]
        seen.clear()
        asked[:] = [batcher.predict(range(PIECE + 1))]
        await asyncio.gather(*asked)
        assert seen == [[False], [True]]

    play(story())
