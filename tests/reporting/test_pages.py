"""What every page has in common: escaping, pictures inside, and a layout that fits."""

import base64

import pytest
from jinja2 import UndefinedError
from matplotlib.figure import Figure

from facekp.reporting.pages import inlined, write_page
from tests.browser import assert_reads_well, browser

HOSTILE = "<script>document.title = 'sprung'</script><img src=http://example.org/x.png onerror=alert(1)>"


@pytest.fixture
def templates(tmp_path, monkeypatch):
    """A folder whose templates replace those of the project."""
    from jinja2 import ChoiceLoader, FileSystemLoader, PackageLoader

    both = ChoiceLoader([FileSystemLoader(tmp_path), PackageLoader("facekp.reporting")])
    monkeypatch.setattr("facekp.reporting.pages.PackageLoader", lambda *_: both)
    return tmp_path


def test_texts_are_escaped(templates):
    (templates / "t.html.j2").write_text("<p>{{ text }}</p>")
    write_page(templates / "t.html", "t.html.j2", text='<b> & "')
    assert (templates / "t.html").read_text() == "<p>&lt;b&gt; &amp; &#34;</p>"


def test_control_characters_are_written_out(templates):
    (templates / "t.html.j2").write_text("<p>{{ text }}</p>")
    write_page(templates / "t.html", "t.html.j2", text="a\x1b[31m\u202eb\udce9\nc")
    assert (templates / "t.html").read_text() == r"<p>a\x1b[31m\u202eb\udce9" "\nc</p>"


def test_what_a_template_names_must_be_given_and_no_half_page_is_left(templates):
    (templates / "t.html.j2").write_text("<p>{{ text }}</p>")
    with pytest.raises(UndefinedError, match="text"):
        write_page(templates / "t.html", "t.html.j2")
    assert [path.name for path in templates.iterdir()] == ["t.html.j2"]


def test_pictures_are_inlined_whole(tmp_path):
    Figure().savefig(tmp_path / "one.png")
    (name, uri), *others = inlined(tmp_path).items()
    assert (name, others) == ("one", [])
    assert base64.b64decode(uri.removeprefix("data:image/png;base64,")) == (tmp_path / "one.png").read_bytes()


def test_wide_things_stay_inside_the_page_and_hostile_ones_do_nothing(templates, tmp_path_factory):
    (templates / "t.html.j2").write_text("""{% extends "base.html.j2" %}
{% from "parts.html.j2" import facts, figure, number, table %}
{% block title %}{{ text }}{% endblock %}
{% block content %}
<h1>{{ text }}</h1>
<div class="numbers">{{ number(text, "1 px", text) }}</div>
{{ facts({"long": "x" * 500, text: text, "absent": none}) }}
<pre class="command">{{ "y" * 500 }}</pre>
{{ table([text] * 30, {text: [[text] * 30]}) }}
{{ figure(picture, text, text) }}
<div class="figures">{{ figure(picture, "left") }}{{ figure(picture, "right") }}</div>
{% endblock %}""")
    Figure(figsize=(20, 2)).savefig(templates / "wide.png")
    page = templates / "t.html"
    write_page(page, "t.html.j2", text=HOSTILE, picture=inlined(templates)["wide"])
    with browser(tmp_path_factory.mktemp("browser")) as chromium:
        assert_reads_well(chromium, page)
        assert chromium.run("document.title") == HOSTILE
        assert chromium.run("document.scripts.length") == 0
        assert "absent" not in chromium.run("document.body.innerText")
