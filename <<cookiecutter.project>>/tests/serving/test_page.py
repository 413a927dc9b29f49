"""The real page of a real service, in a real browser."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import bundles
from tests.serving.browser import Browser, browser

# Of Tab and Enter, as browsers number them.
TAB, ENTER = 9, 13


@pytest.fixture(scope="module")
def url(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    worker = bundles.served(bundle, tmp_path_factory.mktemp("service"))
    yield worker.state(bundles.SECONDS).url + "/"
    bundles.end(worker)


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture
def page(tab: Browser, url: str) -> Browser:
    """The real page of a real service, just opened."""
    tab.do("Network.emulateNetworkConditions", **ONLINE)
    tab.open(url)
    tab.problems.clear()
    return tab


ONLINE = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}


def fill(page: Browser) -> dict[str, str]:
    """Press for a recorded row; what the form then holds."""
    before = page.run("document.getElementById('said').textContent")
    page.run("document.getElementById('fill').click()")
    page.until(f"document.getElementById('said').textContent !== {json.dumps(before)}")
    found: dict[str, str] = page.run(
        "Object.fromEntries([...document.querySelectorAll('[data-kind]')]"
        ".map((one) => [one.name, one.value]))"
    )
    return found


def text(page: Browser, identity: str) -> str:
    return str(page.run(f"document.getElementById('{identity}').innerText"))


def test_a_recorded_row_is_asked_and_answered_by_keyboard_alone(
    page: Browser, bundle: Path
) -> None:
    known = bundles.examples(bundle)
    for _ in range(20):
        page.press("Tab", TAB)
        if page.run("document.activeElement.id") == "fill":
            break
    page.press("Enter", ENTER, "\r")
    page.until("document.querySelector('[name=origin]').value !== ''")
    for _ in range(40):
        page.press("Tab", TAB)
        if page.run("document.activeElement.id") == "send":
            break
    page.press("Enter", ENTER, "\r")
    page.until("!document.getElementById('drivers').hidden")

    share = known[0]["prediction"]
    assert text(page, "figure") == f"{100 * share:.1f} %"
    word = "yes" if share >= 0.35 else "no"
    assert text(page, "decision").startswith(f"late: {word}")
    assert text(page, "figure") in page.run("document.getElementById('said').textContent")
    assert page.run("document.querySelectorAll('#drivers tbody tr').length") == 8
    assert text(page, "by-release") == "a" * 12
    assert page.problems == []


def test_another_press_is_another_row(page: Browser) -> None:
    first, second = fill(page), fill(page)

    assert first["id"] != second["id"]
    assert all(first[name] for name in ("id", "month", "carrier", "origin"))


def test_a_change_says_that_the_answer_is_older(page: Browser) -> None:
    fill(page)
    page.run("document.getElementById('send').click()")
    page.until("!document.getElementById('result').hidden")
    assert page.run("document.getElementById('stale').hidden")

    fill(page)

    assert not page.run("document.getElementById('stale').hidden")


def invalid(page: Browser) -> list[str]:
    found: list[str] = page.run(
        "[...document.querySelectorAll('[aria-invalid]')].map((one) => one.name)"
    )
    return found


def test_errors_of_the_service_stand_at_their_fields(page: Browser) -> None:
    fill(page)
    page.run("document.querySelector('[name=month]').value = '13'")
    page.run("document.querySelector('[name=destination]').value = 'nowhere'")
    page.run("document.getElementById('send').click()")
    page.until("document.querySelector('[aria-invalid]')")

    assert invalid(page) == ["month", "destination"]
    assert page.run("document.activeElement.name") == "month"
    described = "document.activeElement.getAttribute('aria-describedby').split(' ')"
    shown = page.run(f"{described}.map((id) => document.getElementById(id).innerText).join()")
    assert "at most 12" in shown
    assert text(page, "problem").startswith("2 fields")
    assert page.run("document.getElementById('result').hidden")

    fill(page)
    assert invalid(page) == []


def test_what_is_left_out_is_asked_for_before_the_service_is(page: Browser) -> None:
    page.run("document.getElementById('send').click()")
    page.until("document.querySelector('[aria-invalid]')")

    assert "origin" in invalid(page)
    assert "pressure" not in invalid(page)  # may be unknown
    assert page.run("document.activeElement.name") == "id"
    assert page.problems == []


def test_a_service_out_of_reach_is_said_in_words(page: Browser) -> None:
    fill(page)
    page.do("Network.emulateNetworkConditions", **{**ONLINE, "offline": True})
    page.run("document.getElementById('send').click()")
    page.until("document.getElementById('problem').innerText !== ''")

    assert "be reached" in text(page, "problem")
    assert text(page, "send") == "Predict"


def test_a_key_opens_the_service(
    tab: Browser, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"tests {hashlib.sha256(b'sesame').hexdigest()}\n")
    monkeypatch.setenv("API_KEYS_FILE", str(keys))
    worker = bundles.served(bundle, tmp_path)
    tab.do("Network.emulateNetworkConditions", **ONLINE)
    tab.open(worker.state(bundles.SECONDS).url + "/")

    fill(tab)
    tab.run("document.getElementById('send').click()")
    tab.until("document.querySelector('#key[aria-invalid]')")
    assert "a key that this service knows" in text(tab, "key-error")
    assert tab.run("document.activeElement.id") == "key"
    tab.run("document.getElementById('key').value = 'sesame'")
    tab.run("document.getElementById('send').click()")
    tab.until("!document.getElementById('drivers').hidden")

    assert text(tab, "problem") == ""
    assert not tab.run("document.querySelector('[aria-invalid]') !== null")
    bundles.end(worker)


@pytest.mark.parametrize("path", ["", "docs", "model-card"])
@pytest.mark.parametrize("dark", [False, True])
def test_the_pages_fit_a_narrow_window(page: Browser, url: str, path: str, dark: bool) -> None:
    page.shape(360, 800, dark)
    page.open(url + path)

    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.run("innerWidth") == 360
    assert page.run(wide) == 0
    assert page.problems == []
