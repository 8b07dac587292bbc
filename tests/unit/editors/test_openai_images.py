"""The hosted editor, with the real client against a real HTTP server."""

import logging
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from edit_photos import photo
from image_server import ImageServer, answer, page, painted, refusal
from odd_replies import damaged
from varireal.backends import BackendContext
from varireal.config.edits import HostedEdits, PictureServer, PictureTraffic
from varireal.config.hosted import Budget, Price
from varireal.config.model import parse_config
from varireal.editors.base import composite
from varireal.editors.openai_images import HostedEditor
from varireal.editors.regions import background_region
from varireal.errors import BackendError, ConfigError
from varireal.hosted.client import ServerDownError
from varireal.hosted.money import BudgetReachedError, expected_usd
from varireal.records import EditRequest, Prompt
from varireal.store.items import ItemStore

FAST = {"longest_wait_seconds": 0.01, "timeout_seconds": 5.0, "tries": 3}
KEY = "sk-canary-7f3a9"
IMAGE, MASK = photo((0.6, 0.4, 0.2))


def request(number=1, attribute="background", name="coral reef", image=IMAGE, mask=MASK):
    prompt = Prompt("p", "mallard", attribute, "feasible", name, "A reef in the sun.")
    return EditRequest(image, mask, prompt, number, "mallard")


class Job:
    """A job's store and editor, in a thread of their own: a browser test may have left an event loop in this one."""

    def __init__(self, path, url, *, traffic=None, server=None, **settings):
        where = PictureServer(base_url=url, traffic=PictureTraffic(**FAST | (traffic or {})), **server or {})
        block = HostedEdits(**{"size": "192x128"} | settings)
        self._thread = ThreadPoolExecutor(1)
        self._store = self._do(ItemStore, path)
        context = BackendContext(noun="bird", server=where, store=self._store)
        self.editor = HostedEditor.from_config(block, context)

    def edit(self, *requests):
        return self._do(self.editor.edit, requests)

    def close(self):
        self._do(self.editor.close)
        self._do(self._store.close)
        self._thread.shutdown()

    def _do(self, what, *args):
        return self._thread.submit(what, *args).result()


@pytest.fixture
def job(tmp_path):
    made = []

    def make(host, name="edits-a.sqlite", **options):
        made.append(Job(tmp_path / name, host.url, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def serve(script=None, **options):
    return ImageServer(script=script, **options)


def once(*outcomes):
    """A script that gives these outcomes first, and then paints."""
    return lambda form, number: outcomes[number] if number < len(outcomes) else None


def test_the_form_holds_the_padded_photo_the_mask_and_the_instruction(job):
    with serve() as server:
        (result,) = job(server, fidelity="high").edit(request())
        (form,) = server.forms
    assert result.status == "ok"
    assert {name: form[name] for name in ("model", "size", "quality", "n", "input_fidelity")} == {
        "model": "gpt-image-1",
        "size": "192x128",
        "quality": "medium",
        "n": "1",
        "input_fidelity": "high",
    }
    assert form["prompt"] == (
        "Change the background to coral reef: A reef in the sun. Keep the bird exactly as it is."
    )
    assert "response_format" not in form
    # the square photo lies in the middle, 128 of 192 columns, and its border goes on to both sides
    assert form["image"].shape == (128, 192, 3)
    assert (form["image"][:, :32] == form["image"][:, 32:33]).all()
    seen = form["image"][::4, 32:160:4].astype(int)
    assert np.abs(seen - IMAGE[::3, ::3]).mean() < 12
    mask = form["mask"]
    assert mask.shape == (128, 192, 4)
    assert set(np.unique(mask[..., 3])) == {0, 255}
    assert (mask[64, 96, 3], mask[2, 96, 3], mask[64, 10, 3]) == (255, 0, 0)
    assert abs((mask[:, 32:160, 3] == 0).mean() - background_region(MASK).mean()) < 0.02


def test_an_object_edit_makes_the_object_transparent_in_the_mask(job):
    with serve() as server:
        job(server).edit(request(attribute="color", name="hot pink"))
        mask = server.forms[0]["mask"]
    assert (mask[64, 96, 3], mask[2, 96, 3], mask[64, 10, 3]) == (0, 255, 255)


def test_no_mask_is_sent_where_none_is_wanted(job):
    with serve() as server:
        job(server, send_mask=False, quality=None).edit(request())
        assert {"mask", "quality"} & set(server.forms[0]) == set()


@pytest.mark.parametrize("attribute", ["background", "color", "texture"])
def test_the_picture_comes_back_at_the_photos_size_and_only_where_it_may(job, attribute):
    with serve() as server:
        (result,) = job(server).edit(request(attribute=attribute))
    region = background_region(MASK) if attribute == "background" else MASK
    assert (result.region == region).all()
    final = composite(IMAGE, result.image, result.region)
    assert (final[~region] == IMAGE[~region]).all()
    inside = region & ~MASK if attribute == "background" else MASK
    deep = inside & (np.hypot(*(np.indices(MASK.shape) - 48)) > 40 if attribute == "background" else True)
    assert np.abs(final[deep].astype(int) - (255 - IMAGE[deep].astype(int))).mean() < 6
    assert result.made_with.device == "hosted"


def test_an_answer_of_another_size_but_the_same_view_is_scaled(job):
    with serve(lambda form, number: (200, painted(form, (384, 256)), {})) as server:
        (large,) = job(server).edit(request())
    with serve() as server:
        (plain,) = job(server, "edits-b.sqlite").edit(request())
    assert large.status == "ok"
    assert np.abs(large.image.astype(int) - plain.image).mean() < 4


def test_auto_sends_the_photo_as_it_is(job):
    with serve() as server:
        job(server, size="auto").edit(request())
        assert (server.forms[0]["image"] == IMAGE).all()
        assert server.forms[0]["size"] == "auto"


def test_other_models_are_asked_for_the_picture_itself_and_one_that_refuses_is_asked_once(job):
    def script(form, number):
        if "response_format" in form:
            return 400, {"error": {"message": "Unknown parameter: 'response_format'."}}, {}
        return None

    with serve() as server:
        job(server, model="flux").edit(request())
        assert server.forms[0]["response_format"] == "b64_json"
    with serve(script) as server:
        first = job(server, "edits-b.sqlite", model="flux").edit(request(1), request(2))
        assert [result.status for result in first] == ["ok", "ok"]
        asked = len(server.forms)
        job(server, "edits-b.sqlite", model="flux").edit(request(3))
        assert ["response_format" in form for form in server.forms[asked:]] == [False]


@pytest.mark.parametrize(
    "fault",
    [
        (429, {"error": {"message": "slow down"}}, {"Retry-After": "0.3"}),
        (500, {"error": {"message": "internal"}}, {}),
        (200, {"error": {"message": "overloaded", "code": 503}}, {}),
        page(),
    ],
    ids=["429", "500", "error of 200", "html"],
)
def test_what_passes_is_tried_again(job, fault):
    with serve(once(fault)) as server:
        (result,) = job(server).edit(request())
        assert (result.status, len(server.forms)) == ("ok", 2)
        if fault[0] == 429:
            first, second = (call["start"] for call in server.calls)
            assert second - first >= 0.3


def test_a_stalled_answer_is_tried_again(job):
    with serve(latency=1.8) as server:  # a client that is made on a busy machine takes a part of the first 0.6 s
        (result,) = job(server, traffic={"timeout_seconds": 0.6, "tries": 2}).edit(request())
        assert len(server.forms) == 2
    assert result.status == "edit_failed"
    assert "no answer from the server: " in result.reason


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (refusal(), "refused: "),
        ((200, {"created": 1, "data": []}, {}), "no picture"),
        ((200, {"created": 1}, {}), "no picture"),
        ((200, {"created": 1, "data": [{"url": "http://127.0.0.1:9/x.png"}]}, {}), "an address instead of a picture"),
        ((200, {"created": 1, "data": [{"b64_json": "%%%"}]}, {}), "no base64"),
        ((200, answer(b"\x89PNG\r\n\x1a\nbroken"), {}), "cannot be read"),
        ((200, answer(b"GIF89a"), {}), "cannot be read"),
        (
            (200, {"data": [{"b64_json": None, "text": "I cannot draw it."}]}, {}),
            "no picture, but with: I cannot draw",
        ),
        ((200, {"data": [{"content_filter_results": {"violence": {"filtered": True}}}]}, {}), r"filter (violence)"),
        (
            (200, {"data": [{"error": {"code": "moderation_blocked", "message": "No."}}]}, {}),
            "refused: moderation_blo",
        ),
        ((200, {"error": {"code": "content_policy_violation", "message": "No."}}, {}), "refused: content_policy"),
        ((200, {"error": {"code": 400, "message": "size is odd"}}, {}), "size is odd"),
        ((422, {"detail": [{"loc": ["body", "size"], "msg": "no such size"}]}, {}), "body.size: no such size"),
        ((400, {"error": {"message": "Invalid size"}}, {}), "Invalid size"),
    ],
    ids=[
        "refused",
        "empty",
        "no data",
        "url",
        "base64",
        "broken",
        "format",
        "text",
        "filter",
        "policy",
        "policy of 200",
        "error of 200",
        "details",
        "invalid",
    ],
)
def test_what_is_wrong_with_one_edit_is_its_row_and_no_other(job, outcome, told):
    with serve(once(outcome)) as server:
        results = job(server, traffic={"concurrency": 1}).edit(request(1), request(2))
        assert len(server.forms) == 2
        assert [result.status for result in results] == ["edit_failed", "ok"]
        assert told in results[0].reason
        assert results[0].image is None
        (again,) = job(server).edit(request(1))  # it is asked again, and the other one is not
        assert (again.status, len(server.forms)) == ("ok", 3)


def test_another_view_is_a_failure_that_is_not_paid_for_twice(job):
    with serve(lambda form, number: (200, painted(form, (128, 128)), {})) as server:
        (result,) = job(server).edit(request())
        assert result.status == "edit_failed"
        assert "128 x 128 pixels for a photo sent at 192 x 128" in result.reason
        job(server).edit(request())
        assert len(server.forms) == 1


def test_refusals_do_not_make_a_server_look_dead(job):
    with serve(lambda form, number: refusal()) as server:
        results = job(server, traffic={"failures_in_a_row": 2}).edit(*map(request, range(5)))
    assert [result.status for result in results] == ["edit_failed"] * 5


def test_a_server_that_fails_all_the_time_ends_the_job(job):
    with serve(lambda form, number: (500, {"error": {"message": "internal"}}, {})) as server:
        one = job(server, traffic={"failures_in_a_row": 4, "tries": 8, "concurrency": 1})
        with pytest.raises(ServerDownError, match="failed 4 times in a row"):
            one.edit(*map(request, range(5)))
        assert len(server.forms) == 4


def test_a_dead_server_ends_the_job(job):
    with serve() as server:
        pass
    with pytest.raises(ServerDownError):
        job(server, traffic={"failures_in_a_row": 2}).edit(request())


def test_a_wrong_key_ends_the_job_and_is_told_nowhere(job, monkeypatch, caplog, tmp_path):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serve(keys=("another",)) as server, caplog.at_level(logging.DEBUG), pytest.raises(ServerDownError) as caught:
        job(server).edit(request())
    assert "refuses to answer" in str(caught.value)
    assert KEY not in str(caught.value) + caplog.text
    assert all(KEY.encode() not in path.read_bytes() for path in tmp_path.iterdir())


def test_few_requests_are_under_way_at_once(job):
    with serve(latency=0.1) as server:
        job(server, traffic={"concurrency": 3}).edit(*map(request, range(9)))
        assert server.most_busy == 3


def test_a_known_picture_is_not_asked_for_again_but_another_seed_is(job):
    with serve() as server:
        first = job(server).edit(request(1), request(2))
        again = job(server).edit(request(1), request(2), request(3))
        assert len(server.forms) == 3
    assert all((a.image == b.image).all() for a, b in zip(first, again, strict=False))


KILLED = """
import os, sys
sys.path[:0] = sys.argv[3:]
from test_openai_images import Job, Path, request
results = Job(Path(sys.argv[1]), sys.argv[2]).edit(request(1), request(2))
assert [result.status for result in results] == ["ok", "ok"]
os._exit(9)
"""


def test_a_job_that_is_killed_after_the_answers_does_not_pay_for_them_twice(job, tmp_path):
    here = Path(__file__).parent
    with serve() as server:
        command = [sys.executable, "-c", KILLED, tmp_path / "edits-a.sqlite", server.url, here, here.parents[1]]
        assert subprocess.run(command, env=os.environ | {"PYTHONPATH": ""}).returncode == 9
        assert len(server.forms) == 2
        results = job(server).edit(request(1), request(2))
        assert len(server.forms) == 2
    assert [result.status for result in results] == ["ok", "ok"]


def test_the_budget_ends_the_job_and_a_higher_one_goes_on_from_there(job):
    def bought(usd):
        return {"usd_per_image": 0.04, "budget": Budget(usd=usd)}

    with serve() as server:
        with pytest.raises(BudgetReachedError, match=r"edits.openai_images.server.budget.usd.*\$0.1 "):
            job(server, server=bought(0.1)).edit(*map(request, range(5)))
        assert len(server.forms) == 2
        results = job(server, server=bought(0.2)).edit(*map(request, range(5)))
        assert len(server.forms) == 5
    assert [result.status for result in results] == ["ok"] * 5


def test_the_budget_counts_tokens_by_their_price_and_what_other_jobs_spent(job):
    prices = {"gpt-image-1": Price(input=10.0, output=40.0)}  # 400 and 1,000 tokens: $0.044
    with serve() as server:
        job(server, "edits-other.sqlite", server={"prices": prices}).edit(request(1))
        with pytest.raises(BudgetReachedError, match=r"\$0.0880 spent"):
            one = job(server, server={"prices": prices, "budget": Budget(usd=0.1)}, traffic={"concurrency": 1})
            one.edit(*map(request, range(2, 6)))
        assert len(server.forms) == 2
        with pytest.raises(BudgetReachedError, match=r"2,800 spent"):
            job(server, server={"budget": Budget(tokens=3000)}).edit(*map(request, range(2, 6)))


def test_a_budget_that_cannot_be_kept_is_refused(job):
    with serve(lambda form, number: (200, painted(form, usage=None), {})) as server:
        one = job(server, server={"budget": Budget(tokens=9000)}, traffic={"concurrency": 1})
        with pytest.raises(BackendError, match="this server tells no tokens"):
            one.edit(request(1), request(2))
    raw = {"study": {"name": "x"}, "edits": {"openai_images": {"server": {"budget": {"usd": 1.0}}}}}
    with pytest.raises(ConfigError, match="needs a price"):
        parse_config(raw)


def test_the_expected_price_is_told_before_anything_is_sent(job, caplog):
    with serve() as server:
        one = job(server, server={"usd_per_image": 0.05})
        with caplog.at_level(logging.INFO):
            one.editor.prepare([(request().prompt, "mallard")] * 30)
    assert "up to 30 pictures, about $1.50" in caplog.text
    priced = PictureServer(prices={"gpt-image-1": Price(input=10.0, output=40.0)})
    medium = expected_usd(HostedEdits(server=priced), 100)
    assert medium == pytest.approx(100 * (500 * 10 + 1056 * 40) / 1e6)
    assert expected_usd(HostedEdits(server=priced, quality="high", size="1536x1024"), 100) > 5 * medium
    assert expected_usd(HostedEdits(), 100) is None


def test_settings_count_for_their_attribute_alone_and_prices_for_none(job):
    with serve() as server:
        plain = job(server).editor
        other = job(server, color="Paint it {name}.", server={"usd_per_image": 1.0}).editor
    color, background = request(attribute="color").prompt, request().prompt
    assert plain.params(color) != other.params(color)
    assert plain.params(background) == other.params(background)
    assert plain.revision == "gpt-image-1"


def test_an_empty_mask_is_a_status_and_sends_nothing(job):
    with serve() as server:
        (result,) = job(server).edit(request(mask=np.zeros_like(MASK)))
        assert (result.status, server.forms) == ("no_mask", [])


def test_without_a_store_nothing_is_bought():
    with pytest.raises(BackendError, match="--store"):
        HostedEditor.from_config(HostedEdits(), BackendContext())


def as_url(form):
    """The picture as an address that holds it."""
    reply = painted(form)
    return {"data": [{"b64_json": None, "url": "data:image/png;base64," + reply["data"][0]["b64_json"]}]}


def with_prefix(form):
    reply = painted(form)
    reply["data"][0]["b64_json"] = "data:image/jpeg;base64," + reply["data"][0]["b64_json"]
    return reply


def broken_into_lines(form):
    reply = painted(form)
    encoded = reply["data"][0]["b64_json"].rstrip("=")
    reply["data"][0]["b64_json"] = "\n".join(encoded[n : n + 76] for n in range(0, len(encoded), 76))
    return reply


@pytest.mark.parametrize("form", [as_url, with_prefix, broken_into_lines])
def test_a_picture_is_read_in_every_form(job, form):
    with serve(lambda sent, number: (200, form(sent), {})) as server:
        results = [job(server).edit(request())[0] for _ in range(2)]
        assert len(server.forms) == 1
    assert [result.status for result in results] == ["ok", "ok"]


def test_fields_that_mean_nothing_are_left_out_where_they_are_refused(job, caplog):
    def script(form, number):
        extra = [name for name in ("n", "response_format") if name in form]
        detail = [{"loc": ["body", name], "msg": "extra fields not permitted"} for name in extra]
        return (422, {"detail": detail}, {}) if extra else None

    with serve(script) as server:
        (result,) = job(server, model="flux").edit(request())
        assert (result.status, len(server.forms)) == ("ok", 2)
    assert "from now on" in caplog.text


def test_damaged_replies_end_as_pictures_or_as_failures(job):
    """Fuzzing: 500 damaged replies, each of which ends as a picture or a reason in one line."""

    def script(form, number):
        return damaged(painted(form), number)

    small = {"image": np.ascontiguousarray(IMAGE[::4, ::4]), "mask": np.ascontiguousarray(MASK[::4, ::4])}
    with serve(script) as server:
        one = job(server, size="48x32", traffic={"tries": 1, "failures_in_a_row": 10_000})
        results = one.edit(*(request(number, **small) for number in range(500)))
    assert len(results) == 500
    assert {result.status for result in results} == {"ok", "edit_failed"}
    assert all(result.reason and "\n" not in result.reason for result in results if result.status != "ok")
