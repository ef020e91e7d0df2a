// The page in a real browser: recordings are played to their end, and a live lesson by two readers.
//
//     node page.mjs FOLDER/ recordings PAGE...      FOLDER has node_modules/playwright-core
//     node page.mjs FOLDER/ live URL STAGES
//     node page.mjs FOLDER/ fails URL               the lesson refuses its second stage
//     node page.mjs FOLDER/ failure PAGE SEEN       a check that has failed: what was seen, in part

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, mode, ...rest] = process.argv.slice(2);
const { chromium } = createRequire(folder)("playwright-core");
const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executablePath = places.find(existsSync);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });

/** Opens a page on which an error, or a word on the console, fails the test. */
async function open(url, options) {
  const page = await browser.newPage(options);
  const complaints = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(url);
  return { page, complaints };
}

const state = (page) => page.evaluate(() => ({
  where: document.getElementById("where").textContent,
  title: document.getElementById("title").textContent,
  words: document.getElementById("words").textContent,
  isOver: document.getElementById("next").disabled,
  asks: document.querySelector(".choices") !== null,
  choices: document.querySelectorAll(".choices button").length,
}));

/**
 * Plays a recording to its end with the keys, in the page itself: a key that is sent through the
 * browser takes a hundred times as long. Returns what was seen at each step.
 */
const steps = (page) => page.evaluate(() => {
  const press = (key) => document.body.dispatchEvent(
    new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  const seen = [];
  while (!document.getElementById("next").disabled && seen.length < 200) {
    const asks = document.querySelector(".choices") !== null;
    const parts = [...document.querySelectorAll("nav, h1, [role=tablist], #check, .sequence")];
    // Nothing but the parts that scroll may be wider or higher than the window.
    const isClipped = document.documentElement.scrollWidth > innerWidth
      || (innerWidth > 700 && document.documentElement.scrollHeight > innerHeight)
      || parts.some((part) => part.scrollWidth > part.clientWidth + 1);
    const title = document.getElementById("title").textContent;
    seen.push({ title, asks, isClipped, rows: document.querySelectorAll("#table tr").length });
    press("sqd"[seen.length % 3]);
    press(asks && seen.length % 2 ? "1" : " ");
  }
  return seen;
});

async function play(file, viewport, colorScheme) {
  const name = `${file} at ${viewport.width}x${viewport.height}, ${colorScheme}`;
  const { page, complaints } = await open(pathToFileURL(file).href, { viewport, colorScheme });
  const seen = await steps(page);
  assert.ok(seen.length < 200, `${name}: it does not end`);
  for (const { title, isClipped } of seen) {
    assert.ok(title, `${name}: a stage has no title`);
    assert.ok(!isClipped, `${name}: something is clipped at "${title}"`);
  }
  assert.ok(seen.some(({ rows }) => rows > 1), `${name}: no table was shown`);
  assert.match((await state(page)).words, /The kernel has confirmed/, name);
  await page.keyboard.press("ArrowLeft");
  const before = await state(page);
  assert.ok(!before.isOver, `${name}: no way back`);
  await page.reload();
  assert.equal((await state(page)).title, before.title, `${name}: a reload loses the place`);
  assert.deepEqual(complaints, [], name);
  await page.close();
  return seen.filter(({ asks }) => asks).length;
}

/** Waits until a part of the page has these words. */
const until = (page, place, words) => page.waitForFunction(
  ([place, words]) => document.getElementById(place).textContent.includes(words),
  [place, words], { timeout: 30_000 });

/** Two readers of one lesson: the first goes on, loads the page again, and plays it to the end. */
async function live(url, stages) {
  const viewport = { width: 1280, height: 720 };
  const [one, other] = [await open(url, { viewport }), await open(url, { viewport })];
  let votes = 0;
  for (let stage = 1; stage <= stages; stage += 1) {
    await until(one.page, "where", `stage ${stage}`);
    const { asks, choices } = await state(one.page);
    if (choices > 0) {
      await one.page.keyboard.press("1");
      await until(one.page, "words", "all answers");
      votes += 1;
    } else if (asks) {
      await one.page.keyboard.press("Space");
    }
    if (stage === 2) {
      await one.page.reload();
      await until(one.page, "where", "stage 2");
      if ((await state(one.page)).asks) await one.page.keyboard.press("Space");
    }
    await one.page.keyboard.press("Space");
  }
  await until(one.page, "words", "The kernel has confirmed");
  assert.ok(votes > 0, "no state was asked for");
  // The other one has been told of all stages, and is still at the first.
  await until(other.page, "where", `of ${stages}`);
  const at = await state(other.page);
  assert.match(at.where, /stage 1 of/, "a reader was taken along");
  assert.deepEqual([...one.complaints, ...other.complaints], []);
}

/** Goes on to the stage that fails: the page says so, although the reader has pressed no other key. */
async function fails(url) {
  const { page, complaints } = await open(url, { viewport: { width: 1280, height: 720 } });
  await until(page, "where", "stage 1");
  if ((await state(page)).asks) await page.keyboard.press("Space");
  await page.keyboard.press("Space");
  await until(page, "words", "The lesson has failed: ");
  assert.match((await state(page)).where, /stage 2/);
  assert.deepEqual(complaints, []);
}

/** A check that has failed, step by step to its failure. */
async function failure(file, seen, viewport, colorScheme) {
  const name = `${file} at ${viewport.width}x${viewport.height}, ${colorScheme}`;
  const { page, complaints } = await open(pathToFileURL(file).href, { viewport, colorScheme });
  page.on("request", (request) => complaints.push(`it asks for ${request.url()}`));
  const frames = await steps(page);
  for (const { title, asks, isClipped } of frames) {
    assert.match(title, /^\d+\. ./, `${name}: a step has no title`);
    assert.ok(!asks, `${name}: a check asks nothing`);
    assert.ok(!isClipped, `${name}: something is clipped at "${title}"`);
  }
  const last = await state(page);
  assert.equal(last.title, "The check has failed", name);
  assert.ok(last.words.includes(seen), `${name}: ${last.words}`);
  for (const key of ["s", "d", "q", "s"]) {
    await page.keyboard.press(key);
    const { isClipped, isPlaceSeen, title, wide } = await page.evaluate(() => {
      const inside = (part, whole) => part.top >= whole.top - 1 && part.top < whole.bottom;
      const place = document.querySelector("#source .place")?.getBoundingClientRect();
      const source = document.getElementById("source").getBoundingClientRect();
      const root = document.documentElement;
      const parts = [...document.querySelectorAll("nav, h1, header, #words, #source, #table, .sequence")];
      return {
        isClipped: root.scrollWidth > innerWidth || (innerWidth > 700 && root.scrollHeight > innerHeight),
        wide: parts.filter((part) => part.scrollWidth > part.clientWidth + 1).map(({ id }) => id),
        isPlaceSeen: !place || inside(place, source),
        title: document.title,
      };
    });
    assert.ok(!isClipped, `${name}: the failure is clipped`);
    assert.deepEqual(wide, [], `${name}: a part is too wide`);
    assert.ok(isPlaceSeen, `${name}: the student's line is not in sight`);
    assert.match(title, /^echo: The check has failed$/, name);
  }
  await page.keyboard.press("ArrowLeft");
  assert.ok(!(await state(page)).isOver, `${name}: no way back`);
  await page.keyboard.press("Home");
  assert.match((await state(page)).title, /^1\. /, name);
  assert.deepEqual(complaints, [], name);
  await page.close();
}

if (mode === "recordings") {
  let questions = 0;
  for (const file of rest) {
    questions += await play(file, { width: 1280, height: 720 }, "light");
    await play(file, { width: 390, height: 844 }, "dark");
  }
  assert.ok(questions > rest.length, "hardly a question was asked");
  await play(rest[0], { width: 1280, height: 720 }, "dark");
  await play(rest[0], { width: 390, height: 844 }, "light");
} else if (mode === "live") {
  await live(rest[0], Number(rest[1]));
} else if (mode === "failure") {
  for (const viewport of [{ width: 1280, height: 720 }, { width: 390, height: 844 }]) {
    for (const colorScheme of ["light", "dark"]) await failure(...rest, viewport, colorScheme);
  }
} else {
  await fails(rest[0]);
}
await browser.close();
