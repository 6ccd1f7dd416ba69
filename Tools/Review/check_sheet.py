"""Opens a review sheet in headless Chromium, works it with the keyboard, and checks what it saves.

    python check_sheet.py SHEET.html EXPECTED_PICTURES [SCREENSHOT.png]

A copy of the page gets a script that presses keys as a person would and leaves its findings in the document.
"""

import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROBE = """
<script>
"use strict";
(async () => {
  const findings = {}, press = (key, options = {}) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...options }));
  const started = performance.now();
  let saved = null;
  URL.createObjectURL = blob => { saved = blob; return "#"; };
  HTMLAnchorElement.prototype.click = () => {};
  findings.cards = document.querySelectorAll("article").length;
  findings.missing = document.querySelectorAll(".frame > span").length;
  findings.images = [...document.images].filter(i => i.src.startsWith("data:image/jpeg;base64,")).length;
  await Promise.all([...document.images].slice(0, 50).map(i => i.decode()));
  findings.widths = [...document.images].slice(0, 50).every(i => i.naturalWidth > 0);
  findings.crops = document.querySelectorAll(".frame b").length;
  findings.bars = document.querySelectorAll("#chart i").length;
  press("ArrowRight");
  findings.first = document.activeElement.querySelector(".name").textContent;
  const box = document.activeElement.querySelector("b"), before = box.style.left + box.style.top;
  press("ArrowRight", { shiftKey: true }); press("ArrowLeft", { shiftKey: true }); press("ArrowLeft", { shiftKey: true }); press("ArrowUp", { shiftKey: true });
  findings.drawn = !!document.activeElement.querySelector("b") && typeof before === "string";
  press("a");
  findings.moved = document.activeElement.querySelector(".name").textContent !== findings.first;
  findings.second = document.activeElement.querySelector(".name").textContent;
  press("x");
  press("ArrowRight");
  findings.third = document.activeElement.querySelector(".name").textContent;
  press("e");
  const field = document.querySelector("textarea");
  field.value = "<b>mine</b>";
  field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
  press("s");
  findings.saved = JSON.parse(await saved.text());
  findings.injected = document.querySelectorAll(".caption b").length;
  findings.count = document.getElementById("count").textContent;
  document.getElementById("filter").value = "excluded";
  document.getElementById("filter").dispatchEvent(new Event("change"));
  findings.shown = [...document.querySelectorAll("article")].filter(a => a.style.display !== "none").length;
  document.getElementById("filter").value = "all";
  document.getElementById("filter").dispatchEvent(new Event("change"));
  findings.milliseconds = Math.round(performance.now() - started);
  const out = document.createElement("pre");
  out.id = "findings";
  out.textContent = btoa(unescape(encodeURIComponent(JSON.stringify(findings))));
  document.body.replaceChildren(out);
})();
</script>
"""


def chromium(*arguments: str) -> str:
    with tempfile.TemporaryDirectory() as profile:
        command = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=300).stdout


def main() -> int:
    import base64

    sheet, expected = Path(sys.argv[1]), int(sys.argv[2])
    page = sheet.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as scratch:
        probe = Path(scratch) / "probe.html"
        probe.write_text(page.replace("</html>", PROBE + "</html>"), encoding="utf-8")
        began = time.time()
        dom = chromium("--virtual-time-budget=60000", "--dump-dom", probe.as_uri())
        seconds = time.time() - began
    if len(sys.argv) > 3:
        chromium("--window-size=1400,1000", f"--screenshot={Path(sys.argv[3]).resolve()}", sheet.resolve().as_uri())
    match = re.search(r'<pre id="findings">([^<]+)</pre>', dom)
    if not match:
        print("FAILED: the page's script did not come to its end", dom[-500:])
        return 1
    findings = json.loads(base64.b64decode(match.group(1)))
    saved = findings["saved"]
    checks = {
        "every picture has a card": findings["cards"] == expected,
        "every picture is shown": findings["images"] + findings["missing"] == expected and findings["widths"],
        "every crop is drawn": findings["crops"] >= findings["images"],
        "sizes have bars": findings["bars"] >= 1,
        "accepting goes on to the next": findings["moved"] and findings["drawn"],
        "a nudge is saved as a box": len(saved.get(findings["first"], {}).get("box", [])) == 4,
        "an exclusion is saved": saved.get(findings["second"]) == {"exclude": True},
        "a caption is saved": saved.get(findings["third"]) == {"caption": "<b>mine</b>"},
        "nothing else is saved": len(saved) == 3,
        "captions are text": findings["injected"] == 0,
        "the filter works": findings["shown"] == 1,
    }
    for what, holds in checks.items():
        print(("ok      " if holds else "FAILED  ") + what)
    print(f"{findings['count']}; keys answered in {findings['milliseconds']} ms, page loaded and worked in {seconds:.1f} s")
    if not all(checks.values()):
        print(json.dumps(findings)[:2000])
    return 0 if all(checks.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
