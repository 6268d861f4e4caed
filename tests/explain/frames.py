"""Frames a second of the lesson's moving parts, by requestAnimationFrame in headless Chromium.

    python -m tests.explain.frames [lesson.html]     # of `convnet demo --digits`; without a file it makes one

Not a test: the figure depends on the machine and on what else it does.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from tests.explain import browser

SECONDS = 5
MEASURE = """const [seconds, done] = arguments, times = [];
(function look(now) {
  times.push(now);
  if (now - times[0] < 1000 * seconds) requestAnimationFrame(look);
  else done(times);
})(performance.now());"""
HOVER = """document.querySelector("[data-unit='1,2']")
  .dispatchEvent(new PointerEvent("pointerenter", { pointerType: "mouse" }));"""
TRAIN = "for (const part of ['start=fresh', 'train=hundred']) document.querySelector(`[data-${part}]`).click();"
DRAW = """const pad = document.querySelector("[data-pad]"), box = pad.getBoundingClientRect();
pad.setPointerCapture = () => {};
const send = (name, x, y) =>
  pad.dispatchEvent(new PointerEvent(name, { clientX: box.left + x, clientY: box.top + y, pointerId: 1 }));
send("pointerdown", 90, 20);
let n = 0;
const timer = setInterval(() => {
  send("pointermove", 90 + 60 * Math.sin(n / 9), 20 + 140 * ((n / 60) % 1));
  if (n++ > 240) clearInterval(timer);
}, 16);"""
WALK = "document.querySelector('[data-play-window]').click()"
TURN = "document.querySelector('[data-direction=backward]').click()"
MOTIONS = {  # name: (view, what begins it)
    "nothing moves": ("playground", ""),
    "a window slides, products fly": ("playground", HOVER),
    "training, gradients flow back": ("playground", TRAIN),
    "a digit is drawn, forward runs live": ("playground", DRAW),
    "all of one number's pictures follow": ("network/0/forward", WALK),
    "the network turns backward": ("network/0/forward", TURN),
}


def measure(driver, path, view, start):
    """Return (frames a second, the longest frame of a hundred, in milliseconds) while something moves."""
    browser.load(driver, path, f"#{view}")
    driver.execute_script(start)
    gaps = np.diff(driver.execute_async_script(MEASURE, SECONDS)[1:])
    return 1000 / gaps.mean(), np.percentile(gaps, 99)


def make(folder):
    """Write the page of the demo."""
    from convnet import demo

    demo.run_digits(Path(folder), lambda _: None, verbose=0)
    return Path(folder) / "lesson.html"


def main():
    with tempfile.TemporaryDirectory() as folder, browser.opened((1440, 900)) as driver:
        path = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else make(folder)
        for name, (view, start) in MOTIONS.items():
            frames, longest = measure(driver, path, view, start)
            print(f"{name:40s} {frames:5.1f} frames/s, 99 % of them within {longest:.1f} ms")


if __name__ == "__main__":
    if reason := browser.missing():
        sys.exit(reason)
    main()
