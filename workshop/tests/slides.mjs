// Slides in a real browser: the keys turn them, nothing of a slide is outside of it, nothing is asked of
// the network, and each is a page of its own on paper.
//
//     node slides.mjs FOLDER/ FILE…      FOLDER has node_modules/playwright-core

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, ...files] = process.argv.slice(2);
const { chromium } = createRequire(folder)("playwright-core");
const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const browser = await chromium.launch({ executablePath: places.find(existsSync), args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1024, height: 768 } });
const complaints = [];
page.on("pageerror", (error) => complaints.push(String(error)));
page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
page.on("request", (request) => /^(file|data):/.test(request.url()) || complaints.push(request.url()));

/** The slide that is shown, how many there are, and what of it is cut off or too small to read. */
const look = () => page.evaluate(() => {
  const slides = [...document.querySelectorAll(".slide")];
  const shown = slides.filter((slide) => slide.checkVisibility({ visibilityProperty: true }));
  const [slide] = shown;
  const { left, top, right, bottom } = slide.getBoundingClientRect();
  const faults = [];
  if (left < -1 || top < -1 || right > innerWidth + 1 || bottom > innerHeight + 1) faults.push("the slide");
  for (const element of slide.querySelectorAll("h1, h2, p, pre, li, img")) {
    const box = element.getBoundingClientRect();
    const isOut = box.left < left || box.top < top || box.right > right + 1 || box.bottom > bottom + 1;
    if (isOut || element.scrollWidth > element.clientWidth + 1) faults.push(element.outerHTML.slice(0, 60));
    if (element.tagName === "IMG" && !element.naturalWidth) faults.push("a picture is not drawn");
  }
  const fit = Number(slide.style.getPropertyValue("--fit") || 1);
  if (fit < 0.5) faults.push(`its type is ${fit} of the usual size`);
  return { at: slides.indexOf(slide), shown: shown.length, of: slides.length, faults };
});

for (const file of files) {
  await page.goto(pathToFileURL(file).href);
  const { of } = await look();
  assert.ok(of > 4, `${file}: ${of} slides`);
  for (let at = 0; at < of; at += 1) {
    const seen = await look();
    assert.deepEqual({ ...seen, file }, { at, shown: 1, of, faults: [], file });
    await page.keyboard.press(at % 2 ? "ArrowRight" : " ");
  }
  assert.equal((await look()).at, of - 1, "it stops at the last one");
  const paper = String(await page.pdf({ preferCSSPageSize: true, printBackground: true }));
  assert.equal(paper.match(/\/Type\s*\/Page\b/g).length, of, `${file}: pages on paper`);
}

// One of them in all other ways.
const [file] = files;
const { of } = await look();
await page.goto(pathToFileURL(files.at(-1)).href);
for (const [key, at] of [["End", of - 1], ["ArrowLeft", of - 2], ["PageUp", of - 3], ["PageDown", of - 2], ["Home", 0], ["ArrowLeft", 0]]) {
  await page.keyboard.press(key);
  assert.equal((await look()).at, at, key);
}
await page.goto(`${pathToFileURL(file).href}#3`);
assert.equal((await look()).at, 2, "an address names a slide");
await page.reload();
assert.equal((await look()).at, 2, "and keeps it");
await page.setViewportSize({ width: 390, height: 844 });
// The page learns of its new size with the next frame.
await page.waitForFunction(() => document.querySelector(".now").getBoundingClientRect().right <= innerWidth + 1);
assert.deepEqual((await look()).faults, [], "on a telephone");
assert.deepEqual(complaints, []);
await browser.close();
