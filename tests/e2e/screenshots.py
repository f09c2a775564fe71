"""Pictures of a running demo for README and docs: `python -m tests.e2e.screenshots [--url …] [--out …]`.

They are taken as a backer whom the demo wallet offers, so that the recommendations are somebody's own.
"""

import argparse
import io
import json
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from devtools.browsers import chromium
from tests.e2e.conftest import CHROMIUM_ARGUMENTS

OUT = Path("docs/screenshots")
WIDTHS = {"wide": (1280, 1120), "tablet": (768, 1024), "phone": (360, 780)}
THEMES = {"light": "day", "dark": "night"}
COLOURS = 256
# Who is signed in, by a part of what the demo wallet calls them.
BACKERS = {"en": "Backer of", "zh-hans": "中文读者"}
WITH_REFUND = "refund"


@dataclass(frozen=True)
class Shot:
    """One picture: `path` may hold {campaign}, the page of the most backed open campaign in that language.

    `backer` is who is signed in, by a part of the demo wallet's label; empty for a visitor.
    """

    name: str
    path: str
    language: str = "en"
    theme: str = "light"
    width: str = "wide"
    backer: str = ""

    @property
    def file(self) -> str:
        return f"{self.name}-{self.language}-{self.theme}-{self.width}.png"


SHOTS = [
    Shot("home", "/", backer=BACKERS["en"]),
    Shot("home", "/", theme="dark", backer=BACKERS["en"]),
    Shot("home", "/", "zh-hans", backer=BACKERS["zh-hans"]),
    Shot("home", "/", "zh-hans", "dark", backer=BACKERS["zh-hans"]),
    Shot("home", "/", width="tablet"),
    Shot("home", "/", width="phone"),
    Shot("home", "/", "zh-hans", "dark", "phone"),
    Shot("explore", "/explore/"),
    Shot("explore", "/explore/?status=open&language=zh-hans", "zh-hans", "dark"),
    Shot("explore", "/explore/", width="phone"),
    Shot("campaign", "{campaign}"),
    Shot("campaign", "{campaign}", "zh-hans", "dark"),
    Shot("campaign", "{campaign}", width="tablet"),
    Shot("campaign", "{campaign}", "zh-hans", width="phone"),
    Shot("contributors", "{campaign}contributors/#parts"),
    Shot("contract", "{campaign}contract/#parts", theme="dark"),
    Shot("pledge", "{campaign}pledge/review/?amount=0.25", backer=BACKERS["en"]),
    Shot(
        "pledge",
        "{campaign}pledge/review/?amount=0.25",
        "zh-hans",
        "dark",
        "phone",
        backer=BACKERS["zh-hans"],
    ),
    Shot("contributions", "/me/", backer=WITH_REFUND),
    Shot("rankings", "/about/rankings/"),
    Shot("rankings", "/about/rankings/", "zh-hans", "dark"),
]


def open_page(browser: Browser, url: str, shot: Shot) -> Page:
    width, height = WIDTHS[shot.width]
    context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
    cookies = {"theme": THEMES[shot.theme], "django_language": shot.language}
    context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])
    page = context.new_page()
    page.goto(url)
    page.locator(".consent button[value=false]").click()
    if shot.backer:
        sign_in(page, url, shot.backer)
    return page


def sign_in(page: Page, url: str, backer: str) -> None:
    page.goto(f"{url}/sign-in/")
    accounts = json.loads(page.locator("#demo-accounts").inner_text())
    known = [account["address"] for account in accounts if backer in account["label"]]
    page.locator("wallet-sign-in [data-start]").click()
    page.locator("dialog.demo-wallet select").select_option((known or [accounts[-1]["address"]])[0])
    for _ in ("connect", "sign"):
        page.locator("dialog.demo-wallet button[value=approve]").click()
    page.wait_for_url(f"{url}/")


def find_campaign(page: Page, url: str, language: str) -> str:
    page.goto(f"{url}/explore/?status=open&sort=backed&token=ETH&language={language}")
    return str(page.locator("article h3 a").first.get_attribute("href"))


def take(browser: Browser, url: str, shot: Shot, out: Path) -> None:
    page = open_page(browser, url, shot)
    path = shot.path
    if "{campaign}" in path:
        path = path.replace("{campaign}", find_campaign(page, url, shot.language))
    page.goto(url + path)
    page.wait_for_load_state("networkidle")
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(out / shot.file, optimize=True)
    page.context.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="Take the pictures of README and docs from a running demo.")
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        for number, shot in enumerate(SHOTS, start=1):
            take(browser, options.url.rstrip("/"), shot, options.out)
            print(f"[{number}/{len(SHOTS)}] {shot.file}", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
