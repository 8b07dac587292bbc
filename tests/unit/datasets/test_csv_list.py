import os

import pytest

from varireal.datasets.csv_list import CsvSource
from varireal.errors import ConfigError


def write(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "list.csv"
    path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
    return path


def listed(path, root=None, names=None):
    items = CsvSource(path, root, names or {}).items()
    return [(item.key, item.class_name, item.split, item.mask_path) for item in items]


def fails(tmp_path, text, names=None, encoding="utf-8"):
    path = write(tmp_path, text, encoding)
    with pytest.raises(ConfigError) as caught:
        CsvSource(path, None, names or {}).class_names()
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(str(path), "CSV")


def test_paths_start_at_the_csv_or_at_the_image_root(tmp_path):
    path = write(tmp_path, "path,class\nb.jpg,dog\nsub/a.jpg,cat\n/abs/c.jpg,dog\n")
    assert CsvSource(path, None, {}).class_names() == ["cat", "dog"]
    items = list(CsvSource(path, None, {}).items())
    assert [(item.key, item.class_name, item.split, item.mask_path) for item in items] == [
        ("/abs/c.jpg", "dog", None, None),
        ("b.jpg", "dog", None, None),
        ("sub/a.jpg", "cat", None, None),
    ]
    assert [str(item.path) for item in items] == ["/abs/c.jpg", f"{tmp_path}/b.jpg", f"{tmp_path}/sub/a.jpg"]
    rooted = CsvSource(path, tmp_path / "root", {}).items()
    assert [str(item.path) for item in rooted][1:] == [f"{tmp_path}/root/b.jpg", f"{tmp_path}/root/sub/a.jpg"]


def test_split_and_mask(tmp_path):
    path = write(
        tmp_path,
        "mask,split,class,path,note\nm/1.png,train,a,1.jpg,x\n,Valid,a,2.jpg,\n,test_snow,a,3.jpg,\n,,a,4.jpg,\n",
    )
    assert listed(path) == [
        ("1.jpg", "a", "train", tmp_path / "m/1.png"),
        ("2.jpg", "a", "val", None),
        ("3.jpg", "a", "test_snow", None),
        ("4.jpg", "a", None, None),
    ]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_dialects(tmp_path, mark, end, encoding):
    rows = [["Path", " CLASS "], ['"a, b; ""c"".jpg"', " tit, great; blue "], ["", ""], ["é 🐦.jpg", "x"]]
    rows[1][1] = '"tit, great; blue "'
    path = write(tmp_path, "".join(mark.join(row) + end for row in rows), encoding)
    assert listed(path) == [('a, b; "c".jpg', "tit, great; blue", None, None), ("é 🐦.jpg", "x", None, None)]


def test_space_after_the_delimiter(tmp_path):
    assert listed(write(tmp_path, 'path, class\na.jpg, "x, y"\n')) == [("a.jpg", "x, y", None, None)]


def test_newline_in_quotes(tmp_path):
    assert listed(write(tmp_path, 'path,class\n"two\nlines.jpg",x\n'))[0][0] == "two\nlines.jpg"


def test_windows_paths_are_found(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a.jpg").touch()
    (tmp_path / "odd\\name.jpg").touch()
    items = list(CsvSource(write(tmp_path, "path,class\nsub\\a.jpg,x\nodd\\name.jpg,x\n"), None, {}).items())
    assert [(item.key, item.path) for item in items] == [
        ("odd\\name.jpg", tmp_path / "odd\\name.jpg"),
        ("sub\\a.jpg", tmp_path / "sub/a.jpg"),
    ]


def test_path_listed_again_is_an_item_of_its_own(tmp_path):
    path = write(tmp_path, "path,class\na.jpg,x\na.jpg,y\na.jpg,x\na.jpg#3,x\n")
    items = list(CsvSource(path, None, {}).items())
    assert [(item.key, item.class_name, item.path.name) for item in items] == [
        ("a.jpg", "x", "a.jpg"),
        ("a.jpg#3", "x", "a.jpg#3"),
        ("a.jpg#3#", "y", "a.jpg"),
        ("a.jpg#4", "x", "a.jpg"),
    ]


def test_display_names(tmp_path):
    path = write(tmp_path, "path,class\na.jpg,a_b\nb.jpg,c\n")
    source = CsvSource(path, None, {"a_b": "a/b"})
    assert source.class_names() == ["a/b", "c"]
    assert [item.class_name for item in source.items()] == ["a/b", "c"]
    assert fails(tmp_path, "path,class\na.jpg,a_b\n", {"a-b": "A"}).startswith(
        "class_names: 'a-b' is not a class of 'CSV'; did you mean 'a_b'? It has 'a_b'"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'CSV' is empty: expected a header with the columns path, class."),
        ("\n\n", "'CSV' is empty: expected a header with the columns path, class."),
        ("path,class\n", "'CSV' lists no photos: expected at least one line below the header."),
        (
            "file,label\na,b\n",
            "'CSV': no column 'path'; found 'file', 'label'; expected path, class and, if wanted, split and mask.",
        ),
        ("path;klass\na;b\n", "'CSV': no column 'class'; found 'path', 'klass'; expected"),
        ("path,class,path\n", "'CSV': column 'path' occurs twice; the columns are 'path', 'class', 'path'."),
        ("path,class,splits\na,b,test\n", "'CSV': unknown column 'splits'; expected 'split', or remove it."),
        (
            "path,class,split\na,b,train\nc,b,tset\n",
            "'CSV', line 3: unknown split 'tset'; expected train, val, test or test_<name>",
        ),
        ("path,class\na.jpg,b\n\nc.jpg, \n", "'CSV', line 4: no class for 'c.jpg'; fill the cell or remove the line."),
        ("path,class\n,b\n", "'CSV', line 2: no path; fill the cell or remove the line."),
        ("path,class\na,b,c.jpg,d\n", "'CSV', line 2: 4 cells but 2 columns; put quotes around text that holds"),
        ("path,class\na.jpg\n", "'CSV', line 2: 1 cells but 2 columns"),
        ('path,class\n"a.jpg,b\n', "'CSV' is not a readable CSV (unexpected end of data)."),
        (b"path,class\ncaf\xe9.jpg,b\n", "'CSV' is not UTF-8 text: save it as CSV UTF-8."),
        ("path,class\na,b\n".encode("utf-16"), "'CSV' is not UTF-8 text: save it as CSV UTF-8."),
        ("path,class,split\na,b,train\nc,d,test\n", "'CSV': class 'd' is in test but not in train"),
    ],
)
def test_lists_that_cannot_be_used(tmp_path, text, message):
    assert fails(tmp_path, text).startswith(message)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(ConfigError, match=r"^no file .*list\.csv': expected a CSV with the columns path, class\.$"):
        CsvSource(tmp_path / "list.csv", None, {}).class_names()
    with pytest.raises(ConfigError, match="cannot be read"):
        list(CsvSource(tmp_path, None, {}).items())


def test_listing_digest(tmp_path):
    for name in ("a.jpg", "m.png"):
        (tmp_path / name).write_bytes(b"x")
    path = write(tmp_path, "path,class,mask\na.jpg,x,m.png\nmissing.jpg,x,\n")
    source = CsvSource(path, None, {})
    seen = [source.listing_digest()]
    assert source.listing_digest() == seen[0]
    for name in ("a.jpg", "m.png", "missing.jpg"):
        (tmp_path / name).write_bytes(b"xyz")
        seen.append(source.listing_digest())
    os.utime(tmp_path / "a.jpg", ns=(1, 1))
    seen.append(source.listing_digest())
    write(tmp_path, "path,class,mask\na.jpg,y,m.png\nmissing.jpg,x,\n")
    seen.append(source.listing_digest())
    assert len(set(seen)) == 6
