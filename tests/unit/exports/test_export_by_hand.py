from pathlib import Path

from export_rows import six_rows

from varireal.cli import main


def test_the_command_writes_an_export_and_says_so(make_dataset, tmp_path, capsys):
    source = make_dataset(six_rows())
    code = main(["export", "--kind", "folders", "--dataset", str(source), "--output", str(tmp_path / "out")])
    assert code == 0
    assert capsys.readouterr().err.splitlines()[-1] == f"folders: 6 images in {tmp_path / 'out'}"
    assert len(list((tmp_path / "out").rglob("*.png"))) == 6


def test_the_command_refuses_a_folder_with_other_files_in_one_line(make_dataset, tmp_path, capsys):
    (tmp_path / "mine").write_text("x")
    source = make_dataset(six_rows())
    code = main(["export", "--kind", "folders", "--dataset", str(source), "--output", str(tmp_path)])
    assert code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: export: ")
    assert "which no export wrote; give another --output, or move it away" in line
    assert Path(tmp_path / "mine").read_text() == "x"
