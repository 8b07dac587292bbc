import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kit import TINY, environment
from llm_server import Server
from varireal.config.model import parse_config
from varireal.config.slices import stage_slices
from varireal.config.study import BudgetConfig
from varireal.errors import BudgetSpentError, ConfigError
from varireal.running import job_record
from varireal.running.job_record import JobRecord, recorded
from varireal.stages import job
from varireal.stages.job import Guard, wants_gpu
from varireal.store import tables
from varireal.store.items import ItemStore, open_store
from varireal.store.schemas import EDITS
from watched_study import SMALL, Watched

SHARD = "00000-of-00001"
PLACE = ("color", "feasible", 0, SHARD)


def write_record(root, name, *, stage="edits", state="ended", seen=None, store=None, **spent):
    path = root / "logs" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    now = time.time()
    record = {"stage": stage, "state": state, "started": now, "seen": seen or now, "spent": spent, "store": store}
    path.write_text(json.dumps(record))


def make_guard(root, clock=time.monotonic, on_gpu=True, stage="edits", **limits):
    record = JobRecord(root / "logs" / "own.json", {"stage": stage})
    return Guard(BudgetConfig(**limits), record, stage, root, on_gpu=on_gpu, clock=clock), record


def test_hours_of_all_jobs_count_against_the_budget(tmp_path):
    write_record(tmp_path, "edits/a", gpu_seconds=3600.0)
    write_record(tmp_path, "masks/b", stage="masks", gpu_seconds=1800.0)
    write_record(tmp_path, "own", gpu_seconds=9e9)  # of this job itself: its record in memory counts
    make_guard(tmp_path, gpu_hours=1.6)[0].check(0.0)
    guard, record = make_guard(tmp_path, gpu_hours=1.5)
    record.done, record.total = 3, 8
    with pytest.raises(BudgetSpentError) as error:
        guard.check(0.0)
    told = str(error.value)
    assert "budget.gpu_hours: 1.5 of 1.5 GPU hours are spent; 3 of 8 items of this job are done" in told
    assert "raise budget.gpu_hours and run the same command again" in told
    assert f"varireal status {tmp_path}" in told


def test_own_hours_count_while_they_pass(tmp_path, monkeypatch):
    monkeypatch.setattr(job_record, "uses_gpu", lambda: True)
    guard, _ = make_guard(tmp_path, gpu_hours=0.05 / 3600)
    guard.check(0.0)
    time.sleep(0.06)
    with pytest.raises(BudgetSpentError, match="GPU hours"):
        guard.check(0.0)


def test_what_needs_no_gpu_goes_on(tmp_path):
    write_record(tmp_path, "edits/a", gpu_seconds=36_000.0)
    make_guard(tmp_path, on_gpu=False, gpu_hours=1.0)[0].check(0.0)


def test_the_store_of_a_killed_job_and_one_without_a_record_count(tmp_path):
    for name in ("edits-a", "masks-b"):
        store = ItemStore(tmp_path / "store" / f"{name}.sqlite")
        store.put_many([("k", b"v")], {"gpu_seconds": 3600.0})
        store.close()
    long_ago = time.time() - 1000
    write_record(tmp_path, "edits/a", state="running", seen=long_ago, store="x/store/edits-a.sqlite", gpu_seconds=60.0)
    with pytest.raises(BudgetSpentError, match="2 of 2 GPU hours"):
        make_guard(tmp_path, gpu_hours=2.0)[0].check(0.0)


def test_the_others_are_looked_at_now_and_then(tmp_path):
    now = [0.0]
    guard, _ = make_guard(tmp_path, clock=lambda: now[0], gpu_hours=1.0)
    guard.check(0.0)
    write_record(tmp_path, "edits/a", gpu_seconds=7200.0)
    guard.check(0.0)
    now[0] = 31.0
    with pytest.raises(BudgetSpentError):
        guard.check(0.0)


def test_money_of_all_servers_counts_together(tmp_path):
    (tmp_path / "config").mkdir()
    price = {"input": 1.0, "output": 2.0}
    machine = {"judging": {"prices": {"j": price}}, "editing": {"prices": {}, "usd_per_image": 0.04}}
    (tmp_path / "config" / "machine.json").write_text(json.dumps(machine))
    (tmp_path / "config" / "server.json").write_text(json.dumps({"server": {"prices": {"w": price}}}))
    million = 1_000_000.0
    write_record(
        tmp_path, "prompts", **{"stage": "prompts-ask", "calls:w": 1.0, "sent:w": million, "answered:w": million}
    )
    write_record(tmp_path, "edits/a", **{"calls:painter": 50.0, "sent:painter": 9.0})
    write_record(tmp_path, "verdicts/a", **{"stage": "verdicts", "calls:j": 2.0, "sent:j": million})
    guard, _ = make_guard(tmp_path, stage="verdicts", usd=7.0)  # 3 + 2 + 1
    guard.check(0.0)
    guard.check(0.9)
    with pytest.raises(BudgetSpentError, match=r"budget.usd: the next request may pass \$7 \(\$6.0000"):
        guard.check(1.1)
    write_record(tmp_path, "verdicts/b", **{"stage": "verdicts", "calls:unpriced": 2.0})
    with pytest.raises(ConfigError, match=r"verdicts was used and has no price; set verdicts.openai.server.prices"):
        make_guard(tmp_path, usd=100.0)[0].check(0.0)


def test_the_disk_is_the_folder_of_the_study(tmp_path):
    (tmp_path / "edits").mkdir()
    (tmp_path / "edits" / "a.parquet").write_bytes(b"x" * 100_000)
    make_guard(tmp_path, disk_gb=0.001)[0].check(0.0)
    with pytest.raises(BudgetSpentError, match=r"budget\.disk_gb"):
        make_guard(tmp_path, disk_gb=0.0001)[0].check(0.0)


@pytest.mark.parametrize(
    ("config", "stages"),
    [
        ({}, set()),
        ({"masks": {"backend": "grabcut", "fallback": ["grounded_sam2"]}}, {"masks"}),
        ({"edits": {"backend": "sdxl"}}, {"edits"}),
        ({"verdicts": {"judge": "vlm"}}, {"verdicts"}),
        ({"verdicts": {"judge": "openai"}}, set()),
        ({"adapters": {"model": "openai/clip-vit-base-patch16"}}, {"adapters", "predictions"}),
    ],
)
def test_which_stages_are_meant_for_a_gpu(config, stages):
    slices = stage_slices(parse_config(config), {"a": "A"})
    assert {name for name, part in slices.items() if wants_gpu(part)} == stages


def test_money_is_limited_only_with_prices():
    raw = {"budget": {"usd": 1.0}, "verdicts": {"judge": "openai", "openai": {"model": "m"}}}
    with pytest.raises(ConfigError, match=r"'budget.usd' needs the price.*set verdicts.openai.server.prices for 'm'"):
        parse_config(raw)
    raw["verdicts"]["openai"]["server"] = {"prices": {"m": {"input": 1.0, "output": 1.0}}}
    assert parse_config(raw).budget.usd == 1.0
    with pytest.raises(ConfigError, match=r"edits.openai_images.server.prices"):
        parse_config({"budget": {"usd": 1.0}, "edits": {"backend": "openai_images"}})


def test_a_limit_changes_no_digest_of_a_stage():
    plain, limited = (stage_slices(parse_config({"budget": {"disk_gb": gb}}), {"a": "A"}) for gb in (None, 3.0))
    assert [name for name in plain if plain[name] != limited[name]] == ["server", "machine"]


@pytest.fixture(scope="module")
def unlimited(tmp_path_factory):
    study = Watched(tmp_path_factory.mktemp("unlimited"), SMALL)
    assert {study.images(), study.prompts(), study.masks(SHARD), study.edits(*PLACE)} == {0}
    return study


def prepared(folder, config):
    study = Watched(folder, config)
    assert {study.images(), study.prompts()} == {0}
    return study


def edits_record(study):
    return json.loads((study.root / "logs" / "edits" / "color" / "feasible" / "round0" / f"{SHARD}.json").read_text())


def test_a_job_beyond_the_budget_does_not_start_and_goes_on_when_it_is_raised(tmp_path, unlimited, capsys):
    study = prepared(tmp_path, SMALL)
    assert study.masks(SHARD) == 0
    study.configure({**SMALL, "budget": {"disk_gb": 1e-6}})
    assert study.edits(*PLACE) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("error: edits: budget.disk_gb: ")
    assert "0 of 6 items of this job are done; finished items are kept: raise budget.disk_gb" in told
    assert edits_record(study)["state"] == "failed"
    study.configure({**SMALL, "budget": {"disk_gb": 5.0}})
    assert study.edits(*PLACE) == 0
    assert edits_record(study)["computed"] == 6
    own, other = (Path(one.paths.edits(*PLACE)) for one in (study, unlimited))
    columns = ["candidate_id", "seed", "status", "image"]
    assert tables.read(own, EDITS, columns) == tables.read(other, EDITS, columns)


def test_the_data_set_and_the_report_are_written_within_the_budget_only(tmp_path, capsys):
    study = Watched(tmp_path, {**SMALL, "edits": {"attributes": ["color"], "rounds": 1}}).make()
    poor, rich = ({**study.raw, "budget": {"disk_gb": gb}} for gb in (1e-6, 5.0))
    for stage, result in (("dataset", study.paths.manifest), ("report", study.paths.report_copy)):
        study.configure(poor)
        assert getattr(study, stage)() == 2
        told = capsys.readouterr().err.splitlines()[-1]
        assert told.startswith(f"error: {stage}: budget.disk_gb: ")
        assert "what other jobs finished is kept: raise budget.disk_gb" in told  # Snakemake removes what it wrote
        assert not Path(result).exists()
        study.configure(rich)
        assert getattr(study, stage)() == 0
        assert Path(result).exists()


def test_a_budget_reached_in_the_middle_keeps_every_finished_item(tmp_path, unlimited, monkeypatch, capsys):
    study = prepared(tmp_path, {**SMALL, "budget": {"gpu_hours": 1.0}})
    assert study.masks(SHARD) == 0
    kept = []
    put_many = ItemStore.put_many

    def counting(self, items, spent=None):
        put_many(self, items, {**(spent or {}), "gpu_seconds": 1200.0 if items else 0.0})
        kept.extend(key for key, _ in items)

    monkeypatch.setattr(job, "uses_gpu", lambda: True)
    with monkeypatch.context() as patch:
        patch.setattr(ItemStore, "put_many", counting)
        assert study.edits(*PLACE) == 2
    assert len(kept) == 3  # a third of an hour each
    assert "budget.gpu_hours: 1 of 1 GPU hours are spent" in capsys.readouterr().err
    assert edits_record(study)["spent"]["gpu_seconds"] == pytest.approx(3600)
    assert study.edits(*PLACE) == 2  # nothing is made while the budget is what it is
    assert edits_record(study)["done"] <= 3
    study.configure({**SMALL, "budget": {"gpu_hours": 2.0}})
    assert study.edits(*PLACE) == 0
    assert edits_record(study)["computed"] == 3
    assert edits_record(study)["spent"]["gpu_seconds"] >= 3600
    assert Path(study.paths.edits(*PLACE)).exists()
    assert Path(study.paths.edits(*PLACE)).read_bytes()[:4] == Path(unlimited.paths.edits(*PLACE)).read_bytes()[:4]


def test_masks_ask_too(tmp_path, capsys):
    study = prepared(tmp_path, {**SMALL, "budget": {"disk_gb": 1e-6}})
    assert study.masks(SHARD) == 2
    assert "budget.disk_gb" in capsys.readouterr().err


def test_a_job_that_has_nothing_to_make_needs_no_budget(tmp_path):
    study = prepared(tmp_path, SMALL)
    assert {study.masks(SHARD), study.edits(*PLACE)} == {0}
    Path(study.paths.edits(*PLACE)).unlink()
    study.configure({**SMALL, "budget": {"disk_gb": 1e-6, "gpu_hours": 0.0}})
    assert study.edits(*PLACE) == 0
    assert edits_record(study)["computed"] == 0


def test_asking_stops_at_the_studys_money_and_goes_on(tmp_path):
    with Server() as server:

        def config(usd):
            prices = {"m": {"input": 100.0, "output": 100.0}}
            asking = {"model": "m", "count": 3, "server": {"base_url": server.url, "prices": prices}}
            asking["server"]["traffic"] = {"concurrency": 1}
            return {**TINY, "budget": {"usd": usd}, "prompts": {"source": "openai", "openai": asking}}

        study = Watched(tmp_path, config(0.5))
        paths = study.paths

        def ask():
            command = [sys.executable, "-m", "varireal", "prompts", "ask", "--config", paths.config("prompts")]
            command += ["--server", paths.config("server"), "--store", paths.store("prompts")]
            command += ["--output", paths.prompts_folder, "--log", paths.log("prompts")]
            return subprocess.run(command, capture_output=True, text=True, env=environment())

        done = ask()
        assert done.returncode == 2
        assert "budget.usd: the next request may pass $0.5" in done.stderr
        first = len(server.calls)
        assert 1 <= first < 18
        record = json.loads((study.root / "logs" / "prompts.json").read_text())
        spent = record["spent"]
        assert spent["calls:m"] == first
        assert 100 * (spent["sent:m"] + spent["answered:m"]) / 1e6 <= 0.5
        study.configure(config(50.0))
        done = ask()
        assert done.returncode == 0, done.stderr
        record = json.loads((study.root / "logs" / "prompts.json").read_text())
        assert record["spent"]["calls:m"] == len(server.calls)
        usage = json.loads(Path(paths.prompts_usage).read_text())
        assert sum(model["calls"] for model in usage["models"].values()) == len(server.calls)


def test_receipts_of_hosted_models_are_kept_with_their_answers(tmp_path):
    from varireal.hosted.money import amounts_of

    paid = {"model": "a:b/c", "sent": 7, "answered": 2}
    assert amounts_of(paid) == {"calls:a:b/c": 1, "sent:a:b/c": 7, "answered:a:b/c": 2}
    record = JobRecord(tmp_path / "logs" / "x.json", {"stage": "verdicts"})
    with recorded(record), open_store(tmp_path / "verdicts-x.sqlite") as store:
        store.put_many([("k", b"v")], amounts_of(paid))
        assert record.amounts["sent:a:b/c"] == 7
