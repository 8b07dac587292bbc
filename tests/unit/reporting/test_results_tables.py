import numpy as np
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from unit.reporting.study_results import HOSTILE, study
from varireal.reporting import paper_tables as tables
from varireal.reporting.paper_tables import accuracies_latex, latex_text, write_tables

SCHEMAS = {
    name: getattr(tables, name.upper())
    for name in ("accuracies", "differences", "per_seed", "per_class", "confusion", "learning_curves")
}


@pytest.fixture(scope="module")
def results():
    return study()


@pytest.fixture(scope="module")
def folder(tmp_path_factory, results):
    folder = tmp_path_factory.mktemp("tables")
    assert {name for _, name in write_tables(folder, results)} == {path.name for path in folder.iterdir()}
    return folder


def rows(folder, name):
    return pq.read_table(folder / f"{name}.parquet").to_pylist()


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_csv_and_parquet_hold_the_same_at_full_precision(folder, name):
    options = pyarrow.csv.ConvertOptions(
        column_types=SCHEMAS[name], strings_can_be_null=False, quoted_strings_can_be_null=False
    )
    read = pyarrow.csv.read_csv(folder / f"{name}.csv", convert_options=options)
    assert read.num_rows > 0
    assert read.to_pylist() == rows(folder, name)


def test_every_column_says_what_it_is():
    for schema in SCHEMAS.values():
        assert all(field.metadata[b"doc"] for field in schema)


def test_accuracies_are_those_of_the_answers(folder, results):
    for row, answer in zip(rows(folder, "accuracies"), results.answers.accuracies, strict=True):
        assert (row["regime"], row["test_set"]) == (answer.regime, answer.test_set)
        assert (row["top1"], row["top1_low"], row["top1_high"]) == (
            answer.top1.value,
            answer.top1.low,
            answer.top1.high,
        )
        assert row["worst_class"] == results.class_names[answer.worst_class]
        assert row["worst_accuracy"] == answer.worst_accuracy


def test_differences_keep_what_is_not_known_empty(folder, results):
    found = rows(folder, "differences")
    assert len(found) == len(results.answers.differences)
    assert found[-1]["mcnemar_p"] is found[-1]["seeds_needed"] is found[-1]["power_smallest"] is None
    assert [row["finding"] for row in found] == [row.finding.value for row in results.answers.differences]
    assert found[0]["difference"] == results.answers.differences[0].difference.value


def test_confusions_sum_to_every_prediction(folder, results):
    found = rows(folder, "confusion")
    for (regime, test_set), result in results.predictions.items():
        own = [row for row in found if (row["regime"], row["test_set"]) == (regime, test_set)]
        assert sum(row["count"] for row in own) == result.top1.size
        right = sum(row["count"] for row in own if row["true_number"] == row["predicted_number"])
        assert right == int(result.correct.sum())
    assert {row["true"] for row in found} == set(results.class_names)


def test_seeds_classes_and_curves(folder, results):
    seeds = {(row["regime"], row["test_set"], row["seed"]): row["top1"] for row in rows(folder, "per_seed")}
    for (regime, test_set), result in results.predictions.items():
        for place, seed in enumerate(result.seeds):
            assert seeds[regime, test_set, seed] == pytest.approx(float(np.mean(result.correct[place])))
    classes = rows(folder, "per_class")
    assert {row["images"] for row in classes} == {6}
    curves = [row for row in rows(folder, "learning_curves") if row["regime"] == "real" and row["seed"] == 1]
    assert [row["value"] for row in curves if row["quantity"] == "loss"] == list(results.curves[1].losses)
    assert [row["step"] for row in curves if row["quantity"] == "val_accuracy"] == [0, 10, 20, 30, 40]


def test_every_table_of_accuracies_has_the_steps_of_the_weights(folder, results):
    """Where val chose them, two arms may have had unequal training."""
    steps = {(row["regime"]): row["steps"] for row in rows(folder, "accuracies")}
    assert steps["real"] == "30 30 30"
    assert not steps["zero-shot"]
    assert {(row["a_steps"], row["b_steps"]) for row in rows(folder, "differences")} == {("30 30 30", "30 30 30")}
    assert {row["step"] for row in rows(folder, "per_seed") if row["regime"] != "zero-shot"} == {30}


def test_the_same_results_give_the_same_bytes(folder, results, tmp_path):
    write_tables(tmp_path, results)
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes()


def test_no_results_are_tables_without_rows(tmp_path):
    write_tables(tmp_path, study(regimes=(), differences=()))
    assert all(rows(tmp_path, name) == [] for name in SCHEMAS)


def test_latex_escapes_every_special_character():
    assert latex_text('\\ {x} $ & % # _ ~ ^ < > |\n"') == (
        r"\textbackslash{} \{x\} \$ \& \% \# \_ \textasciitilde{} \textasciicircum{} "
        r"\textless{} \textgreater{} \textbar{} \textquotedbl{}"
    )


def test_latex_table_has_a_cell_for_every_regime_and_set(results):
    text = accuracies_latex(results)
    assert text.startswith("% Needs \\usepackage{booktabs}")
    body = text.partition("\\midrule\n")[2].partition("\\bottomrule")[0].splitlines()
    assert [line.count("&") for line in body] == [2] * 4
    assert all(line.endswith(" \\\\") for line in body)
    top1 = results.answers.accuracies[0].top1
    cell = f"{100 * top1.value:.1f} {{\\scriptsize [{100 * top1.low:.1f}, {100 * top1.high:.1f}]}}"
    assert body[0].startswith(f"zero \\textperiodcentered{{}} shot & {cell}")


def test_latex_table_marks_what_was_not_tested_and_names_hostile_regimes():
    results = study(test_sets=("test",))
    hostile = results.regimes["real"].__class__("real", HOSTILE, 1, 0)
    accuracies = tuple(row for row in results.answers.accuracies if row.regime != "color-feasible")
    from dataclasses import replace

    changed = replace(
        results, regimes={**results.regimes, "real": hostile}, answers=replace(results.answers, accuracies=accuracies)
    )
    text = accuracies_latex(changed)
    assert r"\textless{}/script\textgreater{}" in text
    assert r"\$a\_b\$ \& 50 \%" in text
    assert "color \\textperiodcentered{} feasible" not in text
