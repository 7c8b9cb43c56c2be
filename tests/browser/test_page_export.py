"""The exported page, opened from a file: the whole tour without a server and without a request."""

import json
import re
import shutil
import signal
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest
from conftest import LabHere, made_once, wait_for
from playwright.sync_api import expect

from browser.conftest import RunningLab, Windows
from browser.test_page_idle_stage import assert_idle
from browser.test_page_tour import findings
from browser.tour import CUT_OFF, assert_header_fits, look_closer, predict, run_chapter, watch
from lab.console.offline import one_file, recording
from lab.shop.desks import DESKS

RECORD_DEADLINE_S = 240  # 30 s on a quiet machine
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """What `lab export` makes here, and the recording in it: made once, a copy for each worker."""
    folder = tmp_path_factory.mktemp("of this worker") / "exported"
    made = made_once(tmp_path_factory, "exported", export, RECORD_DEADLINE_S)
    shutil.copytree(made, folder, symlinks=True)
    return folder / "walkthrough.html", recording.read(recording.newest(LabHere(folder).runs))


def export(folder):
    here = LabHere(folder)
    done = here.finish(here.start("export", "walkthrough.html"), RECORD_DEADLINE_S)
    assert done.status == 0, done.err
    here.assert_nothing_left()


class FileWindow:
    """A page from a file, and everything it must not do."""

    def __init__(self, browser, file, query=""):
        self.page = browser.new_context(viewport={"width": 1280, "height": 720}).new_page()
        self.page.set_default_timeout(60_000)
        self.faults, self.asked = [], []
        self.page.on("console", lambda said: self._heard(f"{said.type}: {said.text}", said.type))
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.address = file.as_uri() + query
        self.page.goto(self.address)

    def _heard(self, text, kind):
        if kind in ("error", "warning"):
            self.faults.append(text)

    def check(self):
        assert not self.faults, self.faults
        assert self.asked == [self.address]  # the file itself, and nothing more


@pytest.fixture
def opened(browser, exported):
    windows = []

    def open_at(query=""):
        windows.append(FileWindow(browser, exported[0], query))
        return windows[-1]

    yield open_at
    for window in windows:
        window.page.context.close()


@pytest.mark.timeout(600)
def test_exported_page_does_the_whole_tour_from_a_file(opened, exported):
    window = opened("?step=1&pace=0")
    page = window.page
    assert_idle(page, 3, "Not run yet.")
    page.locator("#scenes [data-scene=ask]").click()
    chapters = page.evaluate("async () => (await import('lab/state.js')).state.plan.chapters")
    assert len(chapters) == 11
    for number, chapter in enumerate(chapters, start=1):
        said = page.locator(".ask h1").inner_text
        wait_for(lambda said=said, asks=chapter["predict"]["question"]: said() == asks)
        predict(page)
        judged = page.locator(".so .judged")
        judged.wait_for()
        assert judged.get_attribute("data-right") in ("yes", "no") or number == 11, chapter["slug"]
        expect(page.locator("#badge")).to_have_text("RECORDED")
        if number < len(chapters):
            page.locator("#next").click()
    expect(page.locator("#line")).to_have_text(exported[1].made[:10])
    window.check()


def test_address_with_other_servers_plays_those_that_were_recorded(opened):
    window = opened("?step=6&servers=5&pace=0")
    run_chapter(window.page)
    watch(window.page)
    expect(window.page.locator(".lane[data-desk=stateless] .server")).to_have_count(3)
    window.check()


SIZES = [(1280, 720), (1366, 768), (1920, 1080), (375, 667)]


PRESENT = "async (present) => (await import('lab/address.js')).go({ present })"


def assert_fits_everywhere(page):
    """At every size, for a reader and then presented, which it stays."""
    for presented in (False, True):
        page.evaluate(PRESENT, presented)
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            assert_header_fits(page, width)


@pytest.mark.timeout(600)
def test_exported_page_fits_and_says_how_it_was_made(opened, exported):
    window = opened("?step=1&pace=0")
    page = window.page
    chapters = page.evaluate("async () => (await import('lab/state.js')).state.plan.chapters")
    for chapter in chapters:
        wait_for(lambda asks=chapter["predict"]["question"]: page.inner_text(".ask h1") == asks)
        assert_fits_everywhere(page)
        predict(page)
        page.locator(".so .judged").wait_for()
        assert_fits_everywhere(page)
        watch(page)
        assert_fits_everywhere(page)
        if chapter is not chapters[-1]:
            page.locator("#next").click()
    page.locator("#badge").click()
    about = page.locator("#about")
    about.wait_for()
    for part in (exported[1].made[:10], f"lab {exported[1].lab}", "nginx 1.", "Record your own"):
        expect(about).to_contain_text(part)
    assert re.search(r"(Valkey|Redis) \d", about.inner_text())
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        box = about.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
        assert page.locator("#line").is_visible() or width < 400
        assert findings(page) == []
    window.check()


WHAT_IF = {
    "as it is": {},
    "shared store": {"store": "redis"},
    "no affinity": {"affinity": "none"},
    "retry": {"retry": "on"},
}


def what_if(page, **chosen):
    """Run the chapter's script again with other settings, by the page's own control; its result."""
    page.locator(".controls .what-if").click()
    for name, value in chosen.items():
        page.locator(f".what-if-box select[name={name}]").select_option(value)
    page.locator(".what-if-box .run-so").click()
    page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)))")
    caption = page.locator(".caption").inner_text
    wait_for(lambda: "; stateless" in caption())
    return caption()


@pytest.mark.timeout(600)
def test_every_choice_of_a_chapter_is_a_recorded_run_of_its_own(opened):
    window = opened("?step=6&pace=0")
    page = window.page
    run_chapter(page)
    watch(page)
    found = {name: what_if(page, **chosen) for name, chosen in WHAT_IF.items()}
    assert "cart lost" in found["as it is"] and "cart lost" not in found["shared store"]
    assert "a shared store" in found["shared store"]
    assert "Retries on" in found["retry"]
    assert len(set(found.values())) == 4
    both = what_if(page, affinity="none", store="redis")
    assert "cart lost" not in both and "round robin" in both and "a shared store" in both
    # The chapter's own result is still that of the run that was predicted.
    page.locator("#scenes [data-scene=so]").click()
    expect(page.locator(".so")).to_contain_text("cart lost")
    window.check()


@pytest.mark.timeout(600)
def test_setting_that_was_not_recorded_says_what_to_do(opened):
    window = opened("?step=1")
    said = window.page.evaluate(
        "async () => (await import('lab/api.js')).post('/lab/kill', { server: 'B' })"
        ".then(() => 'done', (error) => error.message)"
    )
    assert "not recorded" in said and "lab up" in said
    window.check()


@pytest.mark.timeout(600)
def test_tokens_are_whole_and_session_ids_are_not(exported):
    steps = [step for script in exported[1].scripts for step in script.steps]
    credentials = [step.answer["credentials"] for step in steps]
    tokens = {each["stateless"]["token"] for each in credentials if "stateless" in each}
    cookies = {each["stateful"]["cookie"] for each in credentials if "stateful" in each}
    assert any(token and token.count(".") >= 2 and "…" not in token for token in tokens)
    assert cookies - {None} and all("…" in each for each in cookies - {None})
    assert exported[0].stat().st_size <= 1_000_000


@pytest.mark.timeout(600)
def test_run_of_two_large_experiments_is_in_a_file_below_the_limit(browser, exported):
    here = LabHere(exported[0].parent)
    done = here.finish(here.start("run", "scale-out", "storage"), RECORD_DEADLINE_S)
    assert done.status == 0, done.err
    done = here("export", "large.html", "--run", "latest")
    assert done.status == 0, done.err
    file = here.folder / "large.html"
    assert file.stat().st_size <= 1_000_000
    assert re.search(r"the first (100|20) requests of each variant", done.err)
    run = next(each.name for each in here.runs.iterdir() if "scale-out" in each.name)
    window = FileWindow(browser, file, f"?run={quote(run)}&pace=0")
    window.page.locator("#about", has_text="lab run scale-out").wait_for(state="attached")
    wait_for(lambda: window.page.locator("lab-stage .server").count() > 4)
    window.check()
    window.page.context.close()


@pytest.mark.timeout(600)
def test_answer_of_the_open_question_plays_its_own_recording(opened):
    page = opened("?step=11&pace=0").page
    page.locator(".scene .choice").last.click()
    page.locator(".scene .seal").click()
    page.locator(".so .judged", has_text="You chose “One server").wait_for()
    expect(page.locator(".so .outcome")).to_have_text(["✕ cart lost", "✓ cart kept"])
    watch(page)
    assert "stateful desk cart kept" in what_if(page, store="redis")


# Its page has the policy of the page around it, and so may run what the modules need: `data:`.
HOSTILE = """<iframe srcdoc="<script src='data:text/javascript,top.ran = 1'></script>"></iframe>
<img src=x onerror="top.ran = 1"><script>top.ran = 1</script><b class="planted">planted</b>"""


def poisoned(answers):
    """The same answers with HTML of an attacker's in what the page shows as HTML."""
    found = {}
    for path, answer in answers.items():
        text = answer.text
        if path.startswith("/lab/code?"):
            sides = json.loads(text)
            for side in DESKS:
                for passage in sides[side]:
                    passage["html"] += HOSTILE
            text = json.dumps(sides)
        elif path.startswith("/lab/sequence/"):
            text += HOSTILE
        found[path] = msgspec.structs.replace(answer, text=text)
    return found


@pytest.mark.timeout(600)
def test_recording_of_an_attacker_runs_no_script_in_the_exported_page(browser, exported, tmp_path):
    given = exported[1]
    scripts = [msgspec.structs.replace(e, answers=poisoned(e.answers)) for e in given.scripts]
    hostile = msgspec.structs.replace(given, answers=poisoned(given.answers), scripts=scripts)
    file = tmp_path / "hostile.html"
    file.write_text(one_file.one_file(hostile, {}), encoding="utf-8")
    window = FileWindow(browser, file, "?step=1&pace=0")
    page = window.page
    run_chapter(page)
    for tab in ("code", "sequence"):
        look_closer(page, tab)
        page.locator(f"lab-{tab} .planted").first.wait_for()
        assert page.locator(f"lab-{tab} :is(iframe, script)").count() == 0
    page.wait_for_timeout(500)
    assert page.evaluate("window.ran") is None
    page.context.close()


REFUSED = """
() => [...document.querySelectorAll(".trouble, .refusal, .toast")]
  .filter((each) => each.checkVisibility() && each.textContent).map((each) => each.textContent)
"""
RECORDED_TABS = ["evidence", "further", "token", "code", "sequence", "control"]


def tabs_of(page):
    """The tabs of Look closer that are there, by name."""
    if page.locator("#closer").is_hidden():
        page.locator("#look-closer").click()
    ids = page.evaluate("[...document.querySelectorAll('[role=tab]')].map(({ id }) => id)")
    return [each.removeprefix("tab-") for each in ids if page.locator(f"#{each}").is_visible()]


# Until no script runs, and what follows from that is drawn.
AT_REST = """
async () => {
  const { state } = await import("lab/state.js");
  const frame = () => new Promise(requestAnimationFrame);
  do await frame(); while (state.act.running);
  await frame();
}
"""


def press_all(page, tab):
    """Press every button of a tab, each when the one before is done; the room's need no data."""
    buttons = page.locator(f'#panel-{tab} :not([aria-label="Room"]) > * > button:visible:enabled')
    for number in range(buttons.count()):
        if number < buttons.count():  # it may have gone with one that was pressed
            buttons.nth(number).click()
            page.evaluate(AT_REST)
        assert page.evaluate(REFUSED) == [], f"{tab}, button {number}"
        look_closer(page, tab)


def assert_tabs_have_something(page, expected):
    assert tabs_of(page) == expected
    for tab in expected:
        look_closer(page, tab)
        panel = page.locator(f"#panel-{tab}")
        wait_for(lambda panel=panel: len(panel.inner_text()) > 20)
        assert page.evaluate(REFUSED) == [], tab
        assert findings(page) == [], tab
    assert page.locator("#closer").inner_text().count("lab up") == 1  # said once


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("width", "height"), [(1280, 720), (375, 667)])
def test_every_tab_of_an_exported_page_has_something_before_during_and_after_a_run(
    opened, width, height
):
    window = opened("?step=6")
    page = window.page
    page.set_viewport_size({"width": width, "height": height})
    assert_tabs_have_something(page, RECORDED_TABS)
    predict(page)
    page.locator(".controls .pause").click()
    assert_tabs_have_something(page, RECORDED_TABS)
    page.locator(".controls .pause").click()
    page.locator('[data-speed="3"]').click()
    page.locator(".so .judged").wait_for()
    assert_tabs_have_something(page, RECORDED_TABS)
    window.check()


@pytest.mark.timeout(600)
def test_no_button_of_an_exported_page_can_only_refuse(opened):
    window = opened("?step=6&pace=0")
    page = window.page
    for _ in ("before", "after"):
        for tab in tabs_of(page):
            look_closer(page, tab)
            press_all(page, tab)
        page.locator("#look-closer").click()
        if page.locator(".scene.ask").is_visible():
            run_chapter(page)
    watch(page)
    page.locator('.lane[data-desk="stateful"] [data-place="server:A"] .opener').click()
    expect(page.locator(".stage-menu [role^=menuitem]")).to_have_text(["Inspect"])
    expect(page.locator(".stage-menu")).to_contain_text("This was recorded")
    window.check()


@pytest.mark.timeout(600)
def test_keyboard_of_an_exported_page_knows_no_tab_and_no_key_that_is_absent(opened):
    window = opened("?step=6&pace=0")
    page = window.page
    assert tabs_of(page) == RECORDED_TABS
    page.locator("#tab-evidence").focus()
    at = page.evaluate
    reached = []
    for key in ["ArrowRight"] * 6 + ["ArrowLeft", "Home", "End"]:
        page.keyboard.press(key)
        reached.append(at("document.activeElement.id").removeprefix("tab-"))
        expect(page.locator(f"#panel-{reached[-1]}")).to_be_visible()
    assert reached == [*RECORDED_TABS[1:], "evidence", "control", "evidence", "control"]
    at("async () => (await import('lab/tabs.js')).openCloser('panel-shop')")  # nothing to open
    expect(page.locator("#panel-control")).to_be_visible()
    expect(page.locator("#panel-shop")).to_be_hidden()
    page.locator("#tab-control").blur()
    page.keyboard.press("?")
    page.locator("#help").wait_for()
    keys = page.locator("#help kbd:visible").all_inner_texts()
    assert {"B", "F", "P", "?"} <= set(keys) and not {"K", "R", "S"} & set(keys)
    assert "instructor" not in page.locator("#help").inner_text()
    window.check()


@pytest.mark.timeout(600)
def test_kept_run_in_an_exported_page_has_its_tabs_and_the_lesson_waits_behind_it(
    browser, exported, tmp_path
):
    here = LabHere(exported[0].parent)
    assert here("run", "crash", "--quick", "--servers", "2").status == 0
    file = tmp_path / "kept.html"
    assert here("export", str(file), "--run", "latest").status == 0
    window = FileWindow(browser, file, "?step=6&pace=0")
    page = window.page
    assert tabs_of(page) == [*RECORDED_TABS[:-1], "runs", "control"]
    look_closer(page, "further")
    act = page.locator('.act[data-experiment="crash"]')
    act.locator("summary").click()
    act.locator(".skip-it").click()
    act.locator(".show-kept").click()
    act.locator(".play-back").click()
    page.locator("#about", has_text="lab run crash").wait_for(state="attached")
    for tab in ("token", "control"):
        look_closer(page, tab)
        expect(page.locator(f"#panel-{tab}")).to_contain_text("A kept run is shown.")
    assert page.locator("lab-instructor .preset:visible").count() == 0
    look_closer(page, "runs")
    assert page.locator("lab-crowd, lab-runs .refresh").filter(visible=True).count() == 0
    look_closer(page, "code")
    wait_for(lambda: page.locator("lab-code pre:visible").count() >= 2)
    assert page.evaluate(REFUSED) == []
    page.locator("lab-timeline .to-live", has_text="Back to the lesson").click()
    look_closer(page, "control")
    page.locator("lab-instructor .preset").first.wait_for()
    window.check()
    page.context.close()


@pytest.mark.timeout(600)
def test_end_of_the_lesson_is_kept_as_a_picture_and_leads_to_no_challenges(opened):
    window = opened("?step=11&pace=0")
    page = window.page
    predict(page)
    page.locator(".so .judged").wait_for()
    with page.expect_download() as download:
        page.locator(".ending .keep-picture").click()
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")
    assert page.locator(".ending .challenges").count() == 0  # they need servers
    window.check()


@pytest.mark.timeout(600)
def test_lab_play_plays_the_lesson_and_kept_runs(browser, exported):
    here = LabHere(exported[0].parent)
    assert here("run", "crash", "--quick", "--servers", "2").status == 0
    process = here.start("play", "--port", "0", "--no-open")
    windows = Windows(browser)
    try:
        output = process.out_path.read_text
        wait_for(lambda: "Ctrl-C stops" in output())
        origin = re.search(r"http://127\.0\.0\.1:\d+", output())[0]
        page = windows.at(f"{origin}/?step=6&pace=0")
        predict(page)
        page.locator(".so .judged").wait_for()
        expect(page.locator("#badge")).to_have_text("RECORDED")
        expect(page.locator("#line")).to_have_text(exported[1].made[:10])
        expect(page.locator(".so")).to_contain_text("cart lost")
        watch(page)
        assert "cart lost" not in what_if(page, store="redis")
        page.reload()
        page.locator(".so .judged").wait_for()
        assert_idle(page, 3)  # the recorded stage is that of no chapter
        look_closer(page, "runs")
        page.locator("lab-runs [data-run]", has_text="crash").first.click()
        page.locator("lab-runs .play-back").first.click()
        page.locator("#about", has_text="lab run crash").wait_for(state="attached")
        assert re.search(r"Recorded on \d{4}-\d\d-\d\d with nginx 1", page.inner_text("#about"))
        assert tabs_of(page) == [*RECORDED_TABS[:-1], "runs", "control"]
        expect(page.locator("lab-runs .all-runs")).to_be_visible()
        expect(page.locator("lab-crowd")).to_be_hidden()
        page.locator("lab-runs .to-live", has_text="Back to the lesson").click()
        page.locator("#about", has_text="lab export").wait_for(state="attached")
        page.locator("#scenes [data-scene=so]").click()
        page.locator(".so .judged").wait_for()
        assert [each.pid for each in here.processes()] == [process.pid]
        windows.check()
    finally:
        windows.close()
        process.send_signal(signal.SIGINT)
        here.finish(process)


@pytest.mark.timeout(600)
def test_learner_who_waits_for_a_stage_watches_the_recorded_run(browser, exported):
    lab = RunningLab(exported[0].parent, "--learners", "1")
    windows = Windows(browser, lab)
    try:
        first, second = (windows(instructor=False, where="?step=6") for _ in "12")
        predict(first)
        first.locator(".so .judged").wait_for()
        predict(second)
        with second.expect_popup() as opening:
            second.locator("lab-role a").click()
        recorded = opening.value
        faults = []
        recorded.on("console", lambda said: faults.append(said.text))
        recorded.on("pageerror", lambda error: faults.append(str(error)))
        recorded.wait_for_url(re.compile(r"/recorded\?step=6"))
        recorded.locator("#badge[data-state=recorded]").wait_for()
        recorded.reload()  # once more, with all it says heard
        recorded.locator("#badge[data-state=recorded]").wait_for()
        assert recorded.evaluate("origin") == "null"  # it has no rights here
        predict(recorded)
        recorded.locator(".so .judged").wait_for()
        assert faults == []
        windows.check()
    finally:
        windows.close()
        lab.stop()


@pytest.mark.timeout(600)
def test_desks_are_whole_on_a_phone_in_an_exported_page(opened):
    window = opened("?step=1&pace=0")
    page = window.page
    page.set_viewport_size({"width": 375, "height": 667})
    for step in range(1, 12):
        page.wait_for_url(re.compile(f"step={step}(&|$)"))
        run_chapter(page)
        watch(page)
        wait_for(lambda: page.evaluate(CUT_OFF) == [])
        if step < 11:
            page.locator("#next").click()
    window.check()
