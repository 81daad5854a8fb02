import sys

import altair as alt
import pytest

from headstart.errors import HeadstartError
from headstart.report import charts
from headstart.report.charts import check_chart_path, finished, save_chart


@pytest.fixture(scope="module")
def chart():
    points = alt.Chart(alt.InlineData([{"x": 1, "y": 2}])).mark_point().encode(x="x:Q", y="y:Q")
    return finished(points, "A finding", ["Of one point."])


@pytest.mark.parametrize(
    ("name", "start"),
    [("a.png", b"\x89PNG\r\n"), ("a.PDF", b"%PDF-"), ("a.svg", b"<svg"), ("a.html", b"<!DOCTYPE html>")],
)
def test_each_suffix_writes_its_kind(chart, tmp_path, name, start):
    save_chart(chart, tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_page_loads_nothing_from_elsewhere(chart, tmp_path):
    save_chart(chart, tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text()
    assert "src=" not in page.split("<body", 1)[1].split("</script>", 1)[0]
    assert "<script src" not in page
    assert "<link" not in page.split("</head>", 1)[0]
    assert "A finding" in page


def test_a_label_is_no_program(tmp_path):
    """Cards come from strangers."""
    label = "</script><script>document.title = 'run'</script>"
    points = alt.Chart(alt.InlineData([{"x": label, "y": 2}])).mark_point().encode(x="x:N", y="y:Q")
    save_chart(finished(points, label, ["Of one point."]), tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text()
    assert "document.title" in page
    assert "<script>document.title" not in page
    assert "</script><script>" not in page


@pytest.mark.parametrize("name", ["a.gif", "a", "a.png.txt"])
def test_unknown_suffix_names_the_known_ones(chart, tmp_path, name):
    with pytest.raises(HeadstartError, match=r"let the name end in \.png, \.svg, \.pdf, \.html"):
        save_chart(chart, tmp_path / name)
    with pytest.raises(HeadstartError):
        check_chart_path(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_missing_folder_is_said(chart, tmp_path):
    with pytest.raises(HeadstartError, match="does not exist"):
        save_chart(chart, tmp_path / "nowhere" / "a.svg")


@pytest.mark.parametrize("module", ["altair", "vl_convert"])
def test_missing_library_names_the_extra(monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(HeadstartError, match=r"pip install 'headstart\[charts\]'"):
        check_chart_path("a.png")


def test_long_titles_are_wrapped(chart):
    words = finished(chart, "many words " * 30, ["and more " * 40]).to_dict()["title"]
    assert max(map(len, words["text"])) <= 95
    assert len(words["text"]) > 1
    assert len(words["subtitle"]) > 1
    assert charts.THEME["background"] == "white"
