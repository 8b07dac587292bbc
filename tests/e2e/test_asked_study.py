"""A study whose prompts a language model writes, through Snakemake, against a real HTTP server."""

import pytest

from kit import TINY, Project
from llm_server import Server

pytestmark = pytest.mark.e2e


def config(url, **asking):
    return {
        **TINY,
        "edits": {"attributes": ["color"], "rounds": 1},
        "prompts": {"source": "openai", "openai": {"model": "m", "count": 3, **asking, "server": {"base_url": url}}},
    }


def test_an_asked_study_runs_once_follows_edits_and_asks_again_only_for_what_changed(tmp_path):
    with Server() as server:
        project = Project(tmp_path, config(server.url))
        dry = project.snakemake("-n")
        assert "To ask m for prompts: at least 6 calls; 0 answers are kept already" in dry.text
        run = project.snakemake()
        assert run.code == 0, run.text
        assert len(server.calls) == 2 * 3
        page = (tmp_path / "results/tiny/report/index.html").read_text()
        assert "m: 6 calls" in page
        assert "Second opinion on prompts" in page
        assert project.snakemake("-n").jobs == {}

        path = tmp_path / "results/tiny/prompts/mallard.yaml"
        text = path.read_text()
        place = text.index("name: ", text.index("infeasible:"))
        path.write_text(f"{text[:place]}name: neon yellow{text[text.index(chr(10), place) :]}")
        assert project.snakemake("-n").jobs == {"edits": 1, "verdicts": 1, "dataset": 1, "report": 1, "all": 1}
        assert project.snakemake().code == 0
        assert len(server.calls) == 6

        project.configure(config(server.url) | {"study": TINY["study"] | {"shards": 1}})
        traffic = config(server.url)
        traffic["prompts"]["openai"]["server"]["traffic"] = {"concurrency": 2}
        project.configure(traffic)
        assert set(project.snakemake("-n").jobs) <= {"stage_config", "all"}

        project.configure(config(server.url, model="other"))
        run = project.snakemake()
        assert run.code == 0, run.text
        assert len(server.calls) == 6 + 6
        assert "name: neon yellow" in path.read_text()
        assert project.snakemake("-n").jobs == {}
