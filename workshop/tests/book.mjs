// Every page of the book in a real browser, from its files: on a laptop and on a telephone, light and
// dark. Nothing is wider than the window, nothing is asked of the network, every text has contrast, and
// each recording is played with the keys.
//
//     node book.mjs FOLDER/ SITE      FOLDER has node_modules/playwright-core

import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, site] = process.argv.slice(2);
const { chromium } = createRequire(folder)("playwright-core");
const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const browser = await chromium.launch({ executablePath: places.find(existsSync), args: ["--no-sandbox"] });

const pages = readdirSync(site).filter((name) => name.endsWith(".html") && name !== "toc.html").sort();
assert.ok(pages.length > 30, `${pages.length} pages`);

/** The book's themes for what the reader's system prefers. */
const THEMES = { light: "light", dark: "navy" };

/** Runs in the page: what is wider than the window, and which text has too little contrast. */
function look() {
  const faults = [];
  if (document.documentElement.scrollWidth > innerWidth) {
    faults.push(`the page is ${document.documentElement.scrollWidth} px wide`);
  }
  const main = document.querySelector("main");
  for (const element of main.querySelectorAll("p, li, td, th, h1, h2, h3, figure, pre, summary, dd, dt, iframe, img")) {
    const { left, right } = element.getBoundingClientRect();
    const scrolls = element.closest(".table-wrapper, pre, code, details:not([open])");
    if (!scrolls && (right > innerWidth + 1 || left < -1)) {
      faults.push(`clipped: ${element.tagName} ${element.textContent.slice(0, 40)}`);
    }
  }
  // WCAG 2.2, 1.4.3: 4.5 to 1.
  const colour = (text) => text.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const part = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const [r, g, b, a = 1] = colour(getComputedStyle(at).backgroundColor);
      if (a === 1) return [r, g, b];
      if (a !== 0) return null; // a mix of two
    }
    return [255, 255, 255];
  };
  const seen = new Set();
  const walker = document.createTreeWalker(main, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    const under = ground(element);
    const text = colour(getComputedStyle(element).color);
    if (!under) continue;
    const [high, low] = [light(text), light(under)].sort((a, b) => b - a);
    const contrast = (high + 0.05) / (low + 0.05);
    const what = `${element.tagName.toLowerCase()}.${element.className}: ${text} on ${under}`;
    if (contrast < 4.5 && !seen.has(what)) {
      seen.add(what);
      faults.push(`contrast ${contrast.toFixed(1)}: ${what} in ${walker.currentNode.data.trim().slice(0, 30)}`);
    }
  }
  // 80 columns of a stage fit a laptop.
  if (innerWidth >= 1280) {
    for (const stage of main.querySelectorAll("pre.stage")) {
      if (stage.scrollWidth > stage.clientWidth + 1) faults.push(`a stage scrolls: ${stage.textContent.slice(0, 40)}`);
    }
  }
  return faults;
}

/** Plays a recording in its frame with the keys: space shows an answer or goes on, left goes back. */
async function play(page, name) {
  const place = page.locator(".play iframe");
  await place.scrollIntoViewIfNeeded();
  const frame = await (await place.elementHandle()).contentFrame();
  await frame.waitForFunction(() => document.getElementById("where")?.textContent);
  const where = () => frame.evaluate(() => document.getElementById("where").textContent);
  const first = await where();
  await place.focus();
  for (let i = 0; i < 6 && (await where()) === first; i += 1) await page.keyboard.press("Space");
  assert.notEqual(await where(), first, `${name}: the keys do not play the recording`);
  await page.keyboard.press("ArrowLeft");
  assert.equal(await where(), first, `${name}: no way back`);
  assert.ok(page.url().endsWith(`/${name}`), `${name}: a key has left the chapter`);
  const isDark = () => frame.evaluate(() => getComputedStyle(document.documentElement).colorScheme === "dark");
  assert.ok(!(await isDark()), `${name}: the recording is dark, and the chapter is light`);
  await page.evaluate(() => document.documentElement.classList.replace("light", "navy"));
  await frame.waitForFunction(() => document.documentElement.style.colorScheme === "dark");
  const clipped = await frame.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  assert.ok(!clipped, `${name}: the recording is wider than its frame`);
}

const faults = [];
for (const viewport of [{ width: 1280, height: 720 }, { width: 390, height: 844 }]) {
  const page = await browser.newPage({ viewport, colorScheme: "light" });
  const complaints = [];
  page.on("console", (message) => complaints.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("requestfailed", (request) => {
    const { errorText } = request.failure(); // aborted: the next page was opened meanwhile
    if (errorText !== "net::ERR_ABORTED") complaints.push(`failed: ${request.url()}: ${errorText}`);
  });
  page.on("request", (request) => {
    if (!/^(file|data|blob):/.test(request.url())) complaints.push(`asked: ${request.url()}`);
  });
  await page.addInitScript(() => { window.print = () => {}; });
  page.setDefaultTimeout(120_000); // all chapters in one page take a while
  for (const name of pages) {
    await page.goto(pathToFileURL(join(site, name)).href);
    await page.addStyleTag({ content: "* { transition: none !important }" }); // colours that are on their way
    for (const colorScheme of name === "print.html" ? [] : ["dark", "light"]) {
      await page.emulateMedia({ colorScheme });
      await page.waitForFunction((theme) => document.documentElement.classList.contains(theme), THEMES[colorScheme]);
      const where = `${name} at ${viewport.width}, ${colorScheme}`;
      faults.push(...(await page.evaluate(look)).map((fault) => `${where}: ${fault}`));
    }
    if ((await page.locator(".play iframe").count()) === 1) await play(page, name);
    faults.push(...complaints.splice(0).map((fault) => `${name} at ${viewport.width}: ${fault}`));
  }
  await page.close();
}
assert.deepEqual(faults, []);

// Without scripts a chapter has its stages as text.
const page = await browser.newPage({ javaScriptEnabled: false, viewport: { width: 1280, height: 720 } });
await page.goto(pathToFileURL(join(site, "echo.html")).href);
assert.ok(!(await page.locator(".play").isVisible()), "a frame that cannot play");
await page.locator("details.stages summary").click();
assert.ok(await page.locator("details.stages pre.stage").first().isVisible(), "no stages as text");
await browser.close();
