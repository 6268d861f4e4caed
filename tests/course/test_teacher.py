"""The teacher's kit: every answer and key is right, and nothing that a teacher has changed is overwritten."""

import doctest
import json
import re
from importlib.util import find_spec
from io import BytesIO

import numpy as np
import pytest
from typer.testing import CliRunner

from convnet.cli import app
from convnet.course.folder import COURSE
from convnet.course.teacher import cloud, deck, kit, paper, pictures
from convnet.course.teacher.quiz import bank, sheets

NOTES = sorted((COURSE / "teacher" / "notes").glob("*.md"))
DECKS = sorted(deck.SLIDES.glob("*.md"))
NOTEBOOKS = sorted(COURSE.glob("*.ipynb"))
PDF = pytest.mark.skipif(
    find_spec("reportlab") is None, reason="needs ReportLab: pip install 'formula-convnet[teacher]'"
)


@pytest.fixture
def quick(monkeypatch):
    """Slides with one small picture: all of them take a minute to draw."""
    png = deck.draw_png("animation://forward,size=3")
    monkeypatch.setattr(deck, "draw_png", lambda _: png)
    monkeypatch.setattr(deck, "draw_svg", lambda _: b"<svg/>")


def test_every_item_of_your_turn_has_its_answer():
    assert len(NOTES) == len(NOTEBOOKS) == len(DECKS) == 7
    for notebook, notes in zip(NOTEBOOKS, NOTES, strict=True):
        assert notebook.stem == f"0{notes.stem}"
        cells = ["".join(cell["source"]) for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]]
        (asked,) = [text.split("## Your turn")[1] for text in cells if "## Your turn" in text]
        answered = notes.read_text(encoding="utf-8").split('## Answers to "Your turn"')[1]
        items = re.findall(r"^(\d+)\. ", asked, re.MULTILINE)
        assert re.findall(r"^### (\d+)\. ", answered, re.MULTILINE) == items
        for name in re.findall(r'begin\("(\w+)"\)', "".join(cells)):
            assert f"[solutions/{name}.py](../solutions/{name}.py)" in answered
            assert (kit.SOLUTIONS / f"{name}.py").exists()


@pytest.mark.parametrize("path", NOTES, ids=lambda path: path.stem)
def test_the_answers_compute_what_they_say(path):
    if "gpu" in path.stem and find_spec("numba_cuda") is None:
        pytest.skip("needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")
    result = doctest.testfile(str(path), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted >= 5
    assert result.failed == 0


@pytest.mark.parametrize("path", NOTES, ids=lambda path: path.stem)
def test_the_notes_have_goals_a_timing_that_adds_up_and_mistakes(path):
    text = path.read_text(encoding="utf-8")
    assert {"Goals", "Timing", "On the board", "Common mistakes"} <= set(
        re.findall(r"^## ([\w ]+?)(?:,|:|$)", text, re.MULTILINE)
    )
    timing = re.search(
        r"^## Timing: (?:(\d) x )?90 minutes, days? (\d+)(?: and (\d+))?\n\n(.*?)\n\n", text, re.MULTILINE | re.DOTALL
    )
    minutes = sum(map(int, re.findall(r"^\| (\d+) \|", timing[4], re.MULTILINE)))
    assert minutes == 90 * (int(timing[1] or 1) if timing[1] or not timing[3] else round(minutes / 90))
    assert not [line for line in text.splitlines() if line.startswith("    ") and len(line) > 120]  # fits a page


def arithmetic(q):
    """Return what the sum in the key's explanation comes to."""
    found = re.search(r"[-\d(][-\d .·+*/()]*", q.why.split(": ")[-1].split(",")[0])[0]
    return eval(found.replace("·", "*").replace(")(", ")*("))


def tables(q):
    """Return the arrays that the question shows, by their names."""
    rows = [line[4:] for line in q.ask.splitlines() if line.startswith("    ")]
    places = [(m[0], m.start()) for m in re.finditer(r"\w+", rows[0])]
    ends = [start for _, start in places[1:]] + [None]
    return {
        name: np.array([row[start:end].split() for row in rows[1:] if row[start:end].strip()], float)
        for (name, start), end in zip(places, ends, strict=True)
    }


def numbers(text):
    return [int(n) for n in re.findall(r"\d+", text)]


def correlate(x, k):
    return np.array(
        [
            [np.sum(x[i : i + len(k), j : j + len(k[0])] * k) for j in range(len(x[0]) - len(k[0]) + 1)]
            for i in range(len(x) - len(k) + 1)
        ]
    )


def place(q):
    return tuple(map(int, re.findall(r"\((\d+),(\d+)\)\.?", q.ask.split("\n")[0])[-1]))


def spread(dy, k, shape):
    dx = np.zeros(shape)
    for i, j in np.ndindex(dy.shape):
        dx[i : i + len(k), j : j + len(k[0])] += dy[i, j] * k
    return dx


def pooled(q):
    x, dy = tables(q)["x"], tables(q)["dy"]
    dx = np.zeros(x.shape)
    for i, j in np.ndindex(dy.shape):
        h, w = np.unravel_index(np.argmax(x[i : i + 2, j : j + 2]), (2, 2))
        dx[i + h, j + w] += dy[i, j]
    return dx[place(q)]


def stepped(q):
    x, t = tables(q)["x"], tables(q)["t"]
    k, rate = float(re.search(r"k = (\d+),", q.ask)[1]), float(re.search(r"rate ([\d.]+)\?", q.ask)[1])
    return k - rate * np.sum((k * x - t) * x)


def readers(q):
    H, _, P, _, s, h, w = numbers(q.ask)
    at = [s * i for i in range((H - P) // s + 1)]
    return sum(a <= h < a + P and b <= w < b + P for a in at for b in at)


def normalised(q):
    x = tables(q)["x"].ravel()
    gamma, beta = (float(re.search(rf"{name} = (-?\d+)", q.ask)[1]) for name in ("gamma", "beta"))
    return (gamma * (x - x.mean()) / x.std() + beta)[int(re.search(r"y\((\d)\)", q.ask)[1])]


def area(q):
    sick, healthy = (tables(q)[name] for name in ("diseased", "healthy"))
    return np.mean(np.greater(sick.T, healthy))


def shrunk(q):
    x, k = (np.array(eval(text)) for text in re.findall(r"\[[\d, ]+\]", q.ask))
    return x[0] * k[0] + x[2] * k[1]


def rounded(q):
    return float(np.float32(2**24)) if int(re.search(r"then (\d)", q.ask)[1]) else None


def dense(q):
    x, k, b = (tables(q)[name] for name in "xkb")
    return (x @ k + b)[0, int(re.search(r"y\((\d)\)", q.ask)[1])]


def error(q):
    y, z = tables(q)["y"][0], tables(q)["z"][0]
    return (2 / len(y) * (z - y))[int(re.search(r"z\((\d)\)\.", q.ask)[1])]


def seen_edges(q):
    kernels = [np.array([row.split() for row in option.split("; ")], float) for option in q.options]
    return [not k.sum() and not k.sum(axis=1).any() and k.sum(axis=0).any() for k in kernels].index(True)


# by another way than the bank's: from the words and tables of the question alone
ORACLES = {
    "output": lambda q: correlate(tables(q)["x"], tables(q)["k"])[place(q)],
    "edge": seen_edges,
    "kernel_gradient": lambda q: correlate(tables(q)["x"], tables(q)["dy"])[place(q)],
    "image_gradient": lambda q: spread(tables(q)["dy"], tables(q)["k"], (3, 4))[place(q)],
    "readers": readers,
    "step": stepped,
    "winner": pooled,
    "product": dense,
    "loss": error,
    "first_step": lambda q: -float(re.search(r"lr = ([\d.]+)", q.ask)[1]),
    "normalised": normalised,
    "area": area,
    "accuracy": lambda q: q.options.index("0.5"),
    "products": lambda q: (lambda n: n[0] * (n[1] - n[5] + 1) ** 2 * n[4] * n[5] ** 2 * n[3])(numbers(q.ask)),
    "idle": lambda q: -numbers(q.ask)[0] % numbers(q.ask)[1],
    "sectors": lambda q: min(32, 4 * int(re.search(r"number (\d+) t", q.ask)[1])),
    "tile": lambda q: numbers(q.ask)[0] * numbers(q.ask)[1],
    "rounding": rounded,
    "shrunk": shrunk,
    **dict.fromkeys(("size", "weights", "slope", "probability", "surprise", "pixel"), arithmetic),
    "flat": lambda q: (lambda n: ((n[0] - n[4] + 1) // 2) ** 2 * n[3])(numbers(q.ask)),
    "field": lambda q: arithmetic(type(q)(q.ask, q.key, q.why.split(":")[0])),
}
RIGHT = {  # what no number of the question decides
    "flip": "the same kernel, turned by 180°",
    "rate": "the rate is too large",
    "order": "numbers that are computed one after the other lie side by side in memory",
    "barrier": "between line 1 and line 2",
    "leaves": "some threads never come to the barrier",
    "exact": "their sums are exact, so every order of adding gives the same bits",
    "threads": "each result is written by one thread, whose sum has one order",
}


def test_every_key_of_the_quiz_is_right_for_any_seed():
    for seed in range(12):
        drawn = bank.draw(seed)
        for session, asked in bank.SESSIONS.items():
            for ask, q in zip(asked, drawn[session], strict=True):
                if ask.__name__ in RIGHT:
                    assert q.options[int(q.key)] == RIGHT[ask.__name__]
                else:
                    assert q.key == pytest.approx(ORACLES[ask.__name__](q), abs=1e-5), (
                        seed,
                        ask.__name__,
                        q.ask,
                        q.why,
                    )
                assert len(set(q.options)) == len(q.options)


def test_the_keys_that_are_words_are_what_our_kernels_do():
    start = np.zeros((3, 3))
    assert pictures.learn(0.5, start, 60)[1][-1] > pictures.learn(0.5, start, 59)[1][-1] > 100  # a rate too large
    small = np.random.default_rng(0).integers(-4, 5, 3 * 3 * 64).astype(np.float32)  # exact in any order
    sums = {np.random.default_rng(n).permutation(small).cumsum(dtype=np.float32)[-1] for n in range(20)}
    assert len(sums) == 1


def test_another_seed_gives_other_numbers_and_the_same_one_the_same():
    sheet = lambda seed: sheets.plain(sheets.make_sheet(bank.draw(seed), 0))  # noqa: E731
    assert sheet(3) == sheet(3)
    assert sheet(3) != sheet(4)


def test_moodle_reads_each_question_with_its_key():
    drawn = bank.draw(0)
    text = sheets.make_gift(drawn, 0)
    blocks = [b for b in text.split("\n\n") if b.startswith("::")]
    questions = [q for asked in drawn.values() for q in asked]
    assert len(blocks) == len(questions)
    for block, q in zip(blocks, questions, strict=True):
        assert "\n" not in block.strip()
        body = re.fullmatch(r"::(?:\\.|[^:\\])+::\[markdown\]((?:\\.|[^{}\\])+) \{((?:\\.|[^{}\\])+)\}", block.strip())
        assert re.sub(r"\\([~=#{}:\\])", r"\1", body[1]).replace("\\n", "\n") == q.ask
        if q.options:
            right = re.findall(r"(?<!\\)=((?:\\.|[^~=#\\])+)", body[2].split(" #### ")[0])
            assert [re.sub(r"\\(.)", r"\1", r).strip() for r in right] == [q.options[int(q.key)]]
        else:
            value, within = re.match(r"#([-\d.]+):([\d.]+) ", body[2]).groups()
            assert float(value) == pytest.approx(q.key, abs=5e-4)
            assert float(within) == q.within


def test_each_slide_has_a_heading_and_pictures_that_can_be_drawn():
    for path in DECKS:
        for slide in deck.read_deck(path.read_text(encoding="utf-8")):
            assert re.match(r"##? \w", slide.shown)
            assert ">" not in slide.shown.split("```")[0].replace("->", "")
            for address in re.findall(r"\]\(([^)]+)\)", slide.shown):
                kind, name, _ = deck._read_address(address)
                assert name in (
                    pictures.PICTURES if kind == "picture" else ("forward", "backward_data", "backward_weights")
                )
    with pytest.raises(ValueError, match="choose one of: edges, rates"):
        deck.draw_svg("picture://none")


def test_a_deck_is_one_file_that_moves_and_asks_nothing_of_a_network():
    slides = deck.read_deck(DECKS[0].read_text(encoding="utf-8"))[:3]
    html = deck.make_html(slides)
    assert html.count("<section") == 3
    assert html.count('src="data:image/svg+xml;base64,') == html.count("<img") == 2
    assert "http" not in html
    assert "prefers-reduced-motion" in deck.draw_svg("animation://forward").decode()
    assert "how many positions are there?" in html.lower()  # what to say


@PDF
def test_pdf_files_hold_the_whole_text_and_a_slide_is_a_page(quick):
    pypdf = pytest.importorskip("pypdf")
    slides = [deck.read_deck(path.read_text(encoding="utf-8")) for path in DECKS]
    pages = pypdf.PdfReader(BytesIO(deck.make_slides_pdf("slides", slides))).pages
    assert len(pages) == sum(map(len, slides))
    for page, slide in zip(pages, [slide for one in slides for slide in one], strict=True):
        assert slide.title.split(":")[0] in page.extract_text().replace("\n", " ")
    sheet = sheets.make_sheet(bank.draw(0), 0)
    for path in NOTES:
        assert paper.make_pdf(path.stem, [path.read_text(encoding="utf-8")], paper.SHEET).startswith(b"%PDF")
    data = paper.make_pdf("Quiz", sheet, paper.SHEET)
    text = " ".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(data)).pages)
    assert text.count("Question ") == sum(map(len, bank.SESSIONS.values()))
    assert data == paper.make_pdf("Quiz", sheet, paper.SHEET)  # the same text, the same bytes
    with pytest.raises(ValueError, match="html_block is not set"):
        paper.make_pdf("", ["<div>x</div>"], paper.SHEET)


def test_the_command_adds_the_kit_and_keeps_what_the_teacher_changed(quick, tmp_path, monkeypatch):
    for name in ("make_pdf", "make_slides_pdf"):  # another test makes them
        monkeypatch.setattr(kit, name, lambda *_: b"%PDF")
    monkeypatch.setattr(kit, "make_html", lambda slides: slides[0].title)
    course = tmp_path / "course"
    learn = lambda *more: CliRunner().invoke(app, ["learn", str(course), *more], catch_exceptions=False).output  # noqa: E731
    learn()
    before = {p.relative_to(course) for p in course.rglob("*")}
    assert not [name for name in before if "teacher" in str(name)]
    output = learn("--teacher")
    assert "TEACHER.md first" in output
    assert (course / ".gitignore").read_text().startswith("teacher/\n")
    teacher = course / "teacher"
    assert len(list(teacher.glob("slides/*.html"))) == len(list(teacher.glob("notes/*.md"))) == 7
    assert len(list(teacher.glob("solutions/*.py"))) == 14
    if find_spec("reportlab"):
        assert {p.name for p in teacher.rglob("*.pdf")} == {"notes.pdf", "slides.pdf", "quiz-0.pdf", "key-0.pdf"}
    with pytest.raises(ValueError, match="--repository must be like"):  # before anything is drawn or written
        CliRunner().invoke(
            app, ["learn", str(tmp_path / "new"), "--teacher", "--repository", "x"], catch_exceptions=False
        )
    assert not (tmp_path / "new").exists()
    with pytest.raises(ValueError, match="--seed goes with --teacher"):
        learn("--seed", "1")
    (teacher / "notes/1_formula.md").write_text("mine")
    again = learn("--teacher", "--seed", "7")
    assert f"kept yours: {teacher / 'notes/1_formula.md'}" in again
    assert {p.stem for p in teacher.glob("quiz/*.md")} == {"quiz-0", "key-0", "quiz-7", "key-7"}
    links = [
        (path, link)
        for path in teacher.rglob("*.md")
        for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8"))
        if "://" not in link
    ]
    assert [(path, link) for path, link in links if not (path.parent / link).exists()] == []


def test_files_for_colab_are_the_notebooks_with_a_cell_that_installs(tmp_path):
    nbformat = pytest.importorskip("nbformat")
    files = dict(cloud.files("https://github.com/you/my-course"))
    for path in NOTEBOOKS:
        made = nbformat.reads(files[f"colab/{path.name}"].decode(), as_version=4)
        nbformat.validate(made)
        first, *rest = made.cells
        assert "git clone -q --depth 1 https://github.com/you/my-course" in first.source
        assert f"/content/course/{cloud.wheel()}" in first.source
        code = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        assert [cell.source for cell in rest if cell.cell_type == "code"] == code
        assert f"labpath={path.name})" in files["OPEN.md"].decode()
        assert f"/you/my-course/blob/main/colab/{path.name})" in files["OPEN.md"].decode()
    assert files["binder/requirements.txt"].decode().startswith(f"./{cloud.wheel()}[cuda]\n")
    for wrong in ("you/my-course", "https://gitlab.com/you/my-course", "https://github.com/you"):
        with pytest.raises(ValueError, match="must be like https://github"):
            list(cloud.files(wrong))


@pytest.mark.skipif(find_spec("numba_cuda") is None, reason="needs numba-cuda: pip install 'formula-convnet[cuda]'")
def test_the_emulator_counts_the_sectors_of_the_quiz():
    from numba import cuda

    from kernels.emulator import run

    @cuda.jit
    def copy(x, y, stride):
        i = cuda.grid(1)
        if i < y.size:
            y[i] = x[i * stride]

    found = {}
    for stride in (1, 2, 4, 8, 16):
        report = run(copy, 1, 32, (np.zeros(512, np.float32), np.zeros(32, np.float32), np.int32(stride)))
        found[stride] = report.sectors - 4  # those of y
    assert found == {stride: min(32, 4 * stride) for stride in found}
