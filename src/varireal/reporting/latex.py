"""The table regime x test set for a paper: a LaTeX tabular in the style of booktabs."""

from varireal.reporting.confusion import regime_label, test_sets
from varireal.reporting.results_records import StudyResults
from varireal.reporting.wording import level_text, one_line, percent, test_set_text

_ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "$": r"\$",
        "&": r"\&",
        "%": r"\%",
        "#": r"\#",
        "_": r"\_",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': r"\textquotedbl{}",
        "·": r"\textperiodcentered{}",
        "−": r"\textminus{}",
    }
)


def latex_text(text: str) -> str:
    """Return text as LaTeX that prints it, on one line."""
    return one_line(text).translate(_ESCAPES)


def accuracies_latex(results: StudyResults) -> str:
    """Return the table of top-1 accuracies in percent with their intervals; a dash where a regime was not tested."""
    sets = test_sets(results)
    cells = {(row.regime, row.test_set): row.top1 for row in results.answers.accuracies}
    regimes = dict.fromkeys([*results.regimes, *(row.regime for row in results.answers.accuracies)])
    names = " & ".join(["Trained on", *(latex_text(test_set_text(name)) for name in sets)])
    lines = [
        "% Needs \\usepackage{booktabs}, \\usepackage[T1]{fontenc} and \\usepackage{textcomp}; UTF-8.",
        f"% Top-1 accuracy in percent with {latex_text(level_text(results.answers.settings.level))} intervals"
        " over test pictures and seeds.",
        f"\\begin{{tabular}}{{l{'c' * len(sets)}}}",
        "\\toprule",
        f"{names} \\\\",
        "\\midrule",
    ]
    for slug in regimes:
        values = [cells.get((slug, name)) for name in sets]
        if not any(values):
            continue
        texts = [
            "--"
            if value is None
            else f"{percent(value.value)} {{\\scriptsize [{percent(value.low)}, {percent(value.high)}]}}"
            for value in values
        ]
        lines.append(" & ".join([latex_text(regime_label(results, slug)), *texts]) + " \\\\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])
