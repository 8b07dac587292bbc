"""Modules that the workflow imports while it is parsed must stay light."""

import subprocess
import sys

import pytest

HEAVY = ("numpy", "PIL", "cv2", "scipy", "pandas", "pyarrow", "imagehash")


@pytest.mark.parametrize("module", ["base", "folder", "csv_list", "splits"])
def test_light_module_imports_nothing_heavy(tmp_path, module):
    (tmp_path / "c").mkdir()
    (tmp_path / "c/1.jpg").touch()
    (tmp_path / "l.csv").write_text("path,class\nc/1.jpg,c\n")
    use = {
        "folder": f"s = m.FolderSource(pathlib.Path({str(tmp_path)!r}), {{}}); s.class_names(); s.listing_digest()",
        "csv_list": f"s = m.CsvSource(pathlib.Path({str(tmp_path / 'l.csv')!r}), None, {{}}); s.listing_digest()",
        "splits": "m.class_slugs(['é'])",
    }.get(module, "")
    code = f"import pathlib, sys; from varireal.datasets import {module} as m; {use}\n"
    code += f"print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"
