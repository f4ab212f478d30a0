"""A headless Chromium in front of the console, and what every page must hold to."""
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parent
AXE = HERE / "node_modules" / "axe-core" / "axe.min.js"
# WCAG 2.2 AA, and what axe calls best practice.
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


class Chromium:
    """One browser for all tests; each test has contexts (cookies, size, colours) of its own."""

    def __init__(self):
        self.playwright = sync_playwright().start()
        program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        assert program, "chromium is missing: apt-get install chromium"
        self.browser = self.playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])

    def close(self):
        self.browser.close()
        self.playwright.stop()

    def page(self, width=1280, scheme="light", cookies=None):
        context = self.browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce")
        if cookies:
            context.add_cookies(cookies)
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.problems = []
        # Nothing may be loaded from elsewhere, and nothing may be broken by our own policy.
        page.on("console", lambda message: page.problems.append(message.text) if message.type == "error" and "status of 4" not in message.text else None)
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("dialog", lambda dialog: (page.problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        return page


def axe(page):
    """What axe-core finds, in lines that can be read; nothing where all is well."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("rules => axe.run(document, rules)", RULES)["violations"]
    return [f"{one['id']}: {node['target']} {node.get('failureSummary', '')}" for one in found for node in one["nodes"]]


def fits(page):
    """Whether nothing but a table of its own scroll sticks out sideways."""
    return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
