"""The report's page in a real browser: what it asks for, how it fits a phone, how its tables sort,
and what it is to readers of the dark, without a mouse, without sight and without scripts."""

import contextlib
import json
import re
import unittest

from chromium import Browser, find_chromium
from harness import JSONL_NAME, SOURCE_DIR, make_scratch, needs, plain_build, remove_scratch, run

EXAMPLES = sorted([*SOURCE_DIR.glob(f"docs/examples/*/{JSONL_NAME}"),
                   *SOURCE_DIR.glob(f"days/*/{JSONL_NAME}")])
# A cell that is a number with its unit: "57.0 ms", "23.4-24.5 s", "1.37 GB/s (one reader)".
QUANTITY = re.compile(r"([-+]?\d+(?:\.\d+)?)(?:-[\d.]+)?(?:\s(ms|s|min|h|[kMGT]?B)(?:/s)?"
                      r"(?:\s(\d+)\s(?:min|s))?)?(?:[\s,].*)?")
FACTORS = {"ms": 1e-3, "min": 60, "h": 3600, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}

# Presses every column head three times: what the column says, and where the rows were at first.
SORT_ALL = """[...document.querySelectorAll("table")].flatMap((table, number) => {
  const rows = () => [...table.tBodies[0].rows], original = rows();
  return [...table.querySelectorAll("th button")].map((button, column) => {
    const state = () => ({
      cells: rows().map(row => row.cells[column].textContent.trim()),
      order: rows().map(row => original.indexOf(row)),
      aria: [...table.querySelectorAll("th")].map(head => head.getAttribute("aria-sort")) });
    const press = () => { button.click(); return state(); };
    return { column, what: `table ${number}, ${button.textContent}`,
             states: [state(), press(), press(), press()] };
  });
})"""

# Colours of each kind of text and what lies behind it; a link is put in, as few reports have one.
COLOURS = """(() => {
  const main = document.querySelector("main"), found = new Set();
  main.insertAdjacentHTML("beforeend", '<p><a href="#link">link</a></p>');
  const behind = element => {
    for (; element; element = element.parentElement) {
      const colour = getComputedStyle(element).backgroundColor;
      if (colour !== "rgba(0, 0, 0, 0)") return colour;
    }
    return "nothing";
  };
  const texts = document.createTreeWalker(main, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement, style = getComputedStyle(element);
    if (!texts.currentNode.data.trim() || ["style", "title"].includes(element.localName)) continue;
    const colour = element instanceof SVGElement ? style.fill : style.color;
    found.add(JSON.stringify([element.localName, colour, behind(element)]));
  }
  return [...found].map(JSON.parse);
})()"""

STRUCTURE = """(() => {
  const all = what => [...document.querySelectorAll(what)];
  return {
    language: document.documentElement.lang, title: document.title.trim(),
    headings: all("h1,h2,h3,h4,h5,h6").map(head => Number(head.localName[1])),
    tables: all("table").map(table => [...table.tHead.rows[0].cells].map(head => head.scope)),
    charts: all("svg").map(svg => [svg.getAttribute("role"),
                                   svg.querySelector(":scope>title")?.textContent.trim()]),
    boxes: all(".scroll").map(box => box.tabIndex),
    unreachable: all("main *").filter(box => getComputedStyle(box).overflowX === "auto" &&
      box.scrollWidth > box.clientWidth && box.tabIndex !== 0).map(box => box.localName) };
})()"""


def value_of(cell):
    """A sort key of our own for a cell that is a quantity; None for other text."""
    match = QUANTITY.fullmatch(cell)
    if not match:
        return None
    factor = FACTORS.get(match[2], 1)
    rest = float(match[3]) * factor / 60 if match[3] else 0
    return float(match[1]) * factor + (-rest if match[1].startswith("-") else rest)


def luminance(colour):
    """As WCAG 2 defines it, of "rgb(r, g, b)"; another colour, such as a transparent one, fails."""
    red, green, blue = (
        part / 3294.6 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4
        for part in map(int, re.fullmatch(r"rgb\((\d+), (\d+), (\d+)\)", colour).groups()))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@needs(plain_build())
class Page(unittest.TestCase):
    timeout_s = 300

    @classmethod
    def setUpClass(cls):
        program = find_chromium()
        scratch = make_scratch()
        cls.addClassCleanup(remove_scratch, scratch)
        cls.browser = Browser(program, scratch)
        cls.addClassCleanup(cls.browser.close)
        try:
            cls.browser.call("Browser.getVersion")
        except (OSError, EOFError) as error:
            raise unittest.SkipTest(f"{program} does not start: {error}: {cls.browser.log()}")
        # No place to break a line in the model's name.
        long_name = scratch / "long_name.jsonl"
        trials = EXAMPLES[-1].read_text(encoding="utf-8")
        model = json.loads(trials.splitlines()[0])["model"]
        long_name.write_text(trials.replace(model, "Model_" * 15), encoding="utf-8")
        cls.pages = {}
        for records in (*EXAMPLES, long_name):
            name = long_name.stem if records == long_name else records.parent.name
            cls.pages[name] = scratch / f"{name}.html"
            result = run(["report", records, "--output", cls.pages[name].with_suffix(".md")])
            if result.returncode != 0:
                raise AssertionError(result.stderr)

    def setUp(self):
        self.browser.new_tab()

    @contextlib.contextmanager
    def opened(self, name):
        """A page in the browser and a subtest: its address."""
        with self.subTest(name):
            self.browser.open(self.pages[name])
            yield self.pages[name].as_uri()

    def phone(self):
        self.browser.call("Emulation.setDeviceMetricsOverride", width=390, height=844,
                          deviceScaleFactor=3, mobile=True)

    def test_asks_for_nothing_and_complains_of_nothing(self):
        for name in self.pages:
            with self.opened(name) as address:
                self.browser.wait_for("Page.lifecycleEvent", name="networkIdle")
                requests = [event["params"]["request"]["url"] for event in self.browser.events
                            if event["method"] == "Network.requestWillBeSent"]
                self.assertEqual(requests, [address])
                complaints = [event for event in self.browser.events if event["method"] in (
                    "Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown",
                    "Audits.issueAdded")]
                self.assertEqual(complaints, [])

    def test_its_policy_refuses_what_somebody_put_in(self):
        self.browser.open(self.pages["long_name"])
        refused = self.browser.evaluate("""new Promise(resolve => {
          addEventListener("securitypolicyviolation", event => resolve(event.effectiveDirective));
          setTimeout(resolve, 5000, "nothing");
          new Image().src = "https://example.invalid/picture.png"; })""")
        self.assertEqual(refused, "img-src")

    def on_phone_and_desk(self):
        """Each page's name, while the browser is as wide as a phone and then as a desk's screen."""
        self.phone()
        yield from self.pages
        self.browser.call("Emulation.clearDeviceMetricsOverride")
        yield from self.pages

    def test_no_text_of_a_chart_is_cut_off(self):
        cut = """[...document.querySelectorAll("svg")].filter(svg => svg.clientWidth > 0).flatMap(
          svg => [...svg.querySelectorAll("text")].filter(text => { const box = text.getBBox();
            return box.x < 0 || box.x + box.width > svg.viewBox.baseVal.width; }).map(
              text => text.textContent))"""
        for name in self.on_phone_and_desk():
            with self.opened(name):
                self.assertEqual(self.browser.evaluate(cut), [])

    def test_charts_can_be_read_on_a_phone_and_are_as_wide_as_the_text(self):
        letters = """[...document.querySelectorAll("svg")].filter(svg => svg.clientWidth > 0).map(
          svg => [12 * svg.clientWidth / svg.viewBox.baseVal.width,
                  svg.clientWidth / document.querySelector("h1").clientWidth])"""
        for name in self.on_phone_and_desk():
            with self.opened(name):
                for size, share in self.browser.evaluate(letters):
                    self.assertGreaterEqual(size, 11)
                    self.assertGreater(share, 0.97)

    def test_fits_the_width_of_a_phone(self):
        self.phone()
        wide = 0
        for name in self.pages:
            with self.opened(name):
                across, shown = self.browser.evaluate(
                    "(root => [root.scrollWidth, root.clientWidth])(document.documentElement)")
                self.assertEqual(shown, 390)
                self.assertLessEqual(across, shown, "the document scrolls sideways")
                wide += self.browser.evaluate("""[...document.querySelectorAll(".scroll")].filter(
                  box => box.scrollWidth > box.clientWidth).length""")
        self.assertGreater(wide, 0, "no table is wider than a phone, so nothing was shown")

    def test_columns_sort_by_quantity_both_ways_and_back(self):
        mixed = set()
        for name in self.pages:
            with self.opened(name):
                for head in self.browser.evaluate(SORT_ALL):
                    with self.subTest(head["what"]):
                        mixed.add(self.check_sorting(head["column"], *head["states"]))
        self.assertLessEqual({("ms", "s"), ("GB", "MB")}, mixed, "no column mixes these units")

    def check_sorting(self, column, before, up, down, after):
        """The units of a column that holds quantities alone; nothing of another."""
        states = (before, up, down, after)
        self.assertEqual([state["aria"].pop(column) for state in states],
                         [None, "ascending", "descending", None])
        self.assertFalse(any(other for state in states for other in state["aria"]))
        self.assertEqual(after, before)
        for state, falls in ((up, False), (down, True)):
            self.assertEqual(sorted(state["order"]), before["order"])
            cells = [cell for cell in state["cells"] if cell]
            self.assertEqual(state["cells"][:len(cells)], cells, "an empty cell is not at the end")
            values = [value_of(cell) for cell in cells]
            if None in values:
                return ()
            self.assertEqual(values, sorted(values, reverse=falls), cells)
        return tuple(sorted({QUANTITY.fullmatch(cell)[2] for cell in cells} - {None}))

    def test_columns_sort_by_keyboard(self):
        self.browser.open(self.pages["long_name"])
        self.browser.evaluate("document.querySelector('.scroll').focus()")
        focused = "document.activeElement.closest('th')"
        for orders in (["ascending", "descending", None], ["ascending"]):
            self.browser.press("Tab", 9)
            self.assertNotEqual(self.browser.evaluate(
                "getComputedStyle(document.activeElement).outlineStyle"), "none")
            for order in orders:
                self.browser.press("Enter", 13, "\r")
                self.assertEqual(self.browser.evaluate(focused + ".ariaSort"), order)
        self.assertEqual(self.browser.evaluate(focused + ".cellIndex"), 1)

    def test_text_stands_out_in_light_and_dark(self):
        for scheme in ("light", "dark"):
            self.browser.call("Emulation.setEmulatedMedia",
                              features=[{"name": "prefers-color-scheme", "value": scheme}])
            for name in self.pages:
                with self.opened(name):
                    found = self.browser.evaluate(COLOURS)
                    self.assertLessEqual({"p", "code", "a", "td", "button", "text"},
                                         {element for element, _, _ in found})
                    for element, colour, behind in found:
                        with self.subTest(f"{element} is {colour} on {behind} in {scheme}"):
                            self.assertGreaterEqual(contrast(colour, behind), 4.5)
                            self.assertEqual(luminance(behind) > 0.5, scheme == "light")

    def test_is_built_for_those_who_hear_it_or_use_a_keyboard(self):
        self.phone()
        for name in self.pages:
            with self.opened(name):
                found = self.browser.evaluate(STRUCTURE)
                self.assertEqual(found["language"], "en")
                self.assertTrue(found["title"])
                self.assertEqual((found["headings"][0], found["headings"].count(1)), (1, 1))
                for above, head in zip(found["headings"], found["headings"][1:]):
                    self.assertLessEqual(head, above + 1, "a level of headings is skipped")
                self.assertTrue(found["tables"] and found["charts"])
                for scopes in found["tables"]:
                    self.assertEqual(set(scopes), {"col"})
                for role, title in found["charts"]:
                    self.assertEqual(role, "img")
                    self.assertTrue(title)
                self.assertEqual(found["boxes"], [0] * len(found["tables"]))
                self.assertEqual(found["unreachable"], [], "scrolls, but not by keyboard")

    def test_says_the_same_without_scripts(self):
        text = "document.querySelector('main').textContent"
        buttons = "document.querySelectorAll('th button').length"
        said = {}
        for name in self.pages:
            with self.opened(name):
                said[name] = self.browser.evaluate(text)
                self.assertGreater(self.browser.evaluate(buttons), 0)
        self.browser.call("Emulation.setScriptExecutionDisabled", value=True)
        for name in self.pages:
            with self.opened(name):
                self.assertEqual(self.browser.evaluate(buttons), 0)
                self.assertEqual(self.browser.evaluate(text), said[name])
