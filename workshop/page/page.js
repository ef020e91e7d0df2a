// Plays a lesson: the frames of a recording, or of a live lesson as they come. A frame is a stage, or
// what is told after the last one. Everything shown is put in as text, never as HTML.

const lesson = JSON.parse(document.getElementById("lesson").textContent);
const byId = (id) => document.getElementById(id);

/** An element with these attributes and children. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// ---- From events to frames

/** Sorts events into frames: what happens before a stage belongs to it. */
class Frames {
  list = [];
  #next = empty();

  add(event) {
    const last = this.list.at(-1);
    const open = last && !last.isOver ? last : null;
    switch (event.event) {
      case "stage":
        this.list.push({ ...this.#next, stage: event });
        this.#next = empty();
        break;
      case "segment":
        (open && !open.shown ? open : this.#next).segments.push(event);
        break;
      case "segments_left_out":
        (open ?? this.#next).leftOut += event.count;
        break;
      case "passed":
      case "explained":
      case "claimed":
        (open ?? last ?? this.#next).words.push(event);
        break;
      case "told":
      case "left_out":
      case "failed":
        this.#next.words.push(event);
        break;
      case "shown":
        open.shown = event;
        break;
      case "tally":
        for (const frame of this.list) {
          if (frame.stage?.number === event.stage) frame.tally = event.counts;
        }
        break;
      case "stage_ends":
        last.isOver = true;
        break;
      case "ends":
        this.#next.ending = event;
        this.list.push({ ...this.#next, isOver: true });
        this.#next = empty();
        break;
    }
    if (event.event === "failed") {
      this.list.push({ ...this.#next, isOver: true });
      this.#next = empty();
    }
  }
}

const empty = () => ({ segments: [], leftOut: 0, words: [], shown: null, isOver: false });

const frames = new Frames();
let at = 0; // the frame that is shown
let answered = new Map(); // for each frame the choice that was made, or "" for none
let view = "states";

/** Whether this frame is a stage of which everything has come. */
const isWhole = (frame) => Boolean(frame?.isOver);

/** The table of the last frame before this one that has a table. */
function before(index) {
  for (let i = index - 1; i >= 0; i -= 1) if (frames.list[i].shown) return frames.list[i].shown;
  return null;
}

// ---- Questions

/** What to ask before this frame's table: in which state an end is that has changed. */
function questionOf(index) {
  const { shown, stage } = frames.list[index];
  if (!shown || !stage) return null;
  const earlier = new Map((before(index)?.ends ?? []).map((end) => [end.end, end.state]));
  const changed = shown.ends.find(
    (end) => earlier.get(end.end) !== end.state && end.state !== "LISTEN",
  );
  if (!changed) return null;
  const right = stateName(changed.state);
  const near = neighbours[right] ?? [];
  const others = [stateName(earlier.get(changed.end) ?? ""), ...near, "ESTABLISHED", "CLOSED"];
  const choices = [...new Set([right, ...others.filter((name) => name in places)])].slice(0, 4);
  const order = Object.keys(places);
  choices.sort((a, b) => order.indexOf(a) - order.indexOf(b));
  return { role: changed.role, right, choices };
}

const stateName = (state) => (state === "CLOSE" ? "CLOSED" : state);

/** The question that is open in the frame that is shown, or null. */
function openQuestion() {
  return byId("asks").checked && !answered.has(at) && frames.list[at]
    ? questionOf(at)
    : null;
}

function choose(choice) {
  answered.set(at, choice);
  const number = frames.list[at].stage.number;
  if (lesson.live && choice) {
    const query = new URLSearchParams({ stage: number, choice });
    fetch(`answer?${query}`, { method: "POST" }).catch(lost);
  }
  show();
}

// ---- The state diagram

const places = {
  CLOSED: [360, 16], LISTEN: [130, 60], SYN_SENT: [590, 60], SYN_RECV: [130, 112],
  ESTABLISHED: [360, 112], FIN_WAIT1: [130, 170], CLOSE_WAIT: [590, 170], FIN_WAIT2: [130, 226],
  CLOSING: [360, 198], LAST_ACK: [590, 226], TIME_WAIT: [360, 254],
};

// From, to, what happens / what is sent; RFC 9293, 3.3.2, figure 5.
const ways = [
  ["CLOSED", "LISTEN", "listen"], ["CLOSED", "SYN_SENT", "connect / SYN"],
  ["LISTEN", "SYN_RECV", "SYN / SYN+ACK"], ["SYN_SENT", "ESTABLISHED", "SYN+ACK / ACK"],
  ["SYN_RECV", "ESTABLISHED", "ACK"], ["ESTABLISHED", "FIN_WAIT1", "close / FIN"],
  ["ESTABLISHED", "CLOSE_WAIT", "FIN / ACK"], ["FIN_WAIT1", "FIN_WAIT2", "ACK"],
  ["FIN_WAIT1", "CLOSING", "FIN / ACK"], ["FIN_WAIT2", "TIME_WAIT", "FIN / ACK"],
  ["CLOSING", "TIME_WAIT", "ACK"], ["CLOSE_WAIT", "LAST_ACK", "close / FIN"],
];

const neighbours = {};
for (const [from, to] of ways) {
  (neighbours[from] ??= []).push(to);
  (neighbours[to] ??= []).push(from);
}

const svg = (name, attributes = {}, ...children) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};

const WIDTH = 112;
const HEIGHT = 24;

/** Where a way leaves a box on its way to another one, and where it arrives. */
function edge([x, y], [toX, toY]) {
  const [dx, dy] = [toX - x, toY - y];
  const [halfX, halfY] = [WIDTH / 2 + 2, HEIGHT / 2 + 2];
  const share = Math.min(halfX / (Math.abs(dx) || 1e-9), halfY / (Math.abs(dy) || 1e-9));
  return [x + dx * share, y + dy * share];
}

function diagram() {
  const tip = svg("marker", {
    id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8,
    orient: "auto-start-reverse",
  }, svg("path", { d: "M0 0 8 4 0 8z" }));
  const drawing = svg("svg", {
    viewBox: "0 0 720 274", role: "img", "aria-label": "State diagram",
  }, svg("defs", {}, tip));
  for (const [from, to, words] of ways) {
    const begin = edge(places[from], places[to]);
    const end = edge(places[to], places[from]);
    drawing.append(svg("path", { d: `M${begin} L${end}`, "marker-end": "url(#tip)" }));
    const [x, y] = [(begin[0] + end[0]) / 2, (begin[1] + end[1]) / 2];
    const isUpright = Math.abs(begin[0] - end[0]) < 20;
    drawing.append(svg("text", {
      class: "label", x: isUpright ? x + 4 : x, y: isUpright ? y + 3 : y - 4,
      style: isUpright ? "text-anchor: start" : "",
    }, words));
  }
  for (const [name, [x, y]] of Object.entries(places)) {
    drawing.append(svg("g", { id: `box-${name}` },
      svg("rect", { x: x - WIDTH / 2, y: y - HEIGHT / 2, width: WIDTH, height: HEIGHT, rx: 4 }),
      svg("text", { x, y: y + 5 }, name)));
  }
  return drawing;
}

const drawing = diagram();
const tokens = new Map();

/** Moves a token for each end into the box of its state. */
function moveTokens(ends) {
  const here = new Map();
  const taken = new Set();
  for (const box of drawing.querySelectorAll("g[id]")) box.classList.remove("occupied");
  for (const { end, role, state } of ends) {
    const name = stateName(state);
    const place = places[name];
    if (!place) continue;
    byIdIn(`box-${name}`).classList.add("occupied");
    const count = here.get(name) ?? 0;
    here.set(name, count + 1);
    taken.add(end);
    let token = tokens.get(end);
    if (!token) {
      token = svg("g", { class: `token k${tokens.size % 3}` },
        svg("circle", { r: 10 }), svg("text", { y: 5 }), svg("title"));
      tokens.set(end, token);
      drawing.append(token);
    }
    token.querySelector("text").textContent = role.slice(0, 1).toUpperCase();
    token.querySelector("title").textContent = `${role}: ${name}`;
    token.style.transform = `translate(${place[0] - WIDTH / 2 + 6 + 22 * count}px, ${place[1] - 15}px)`;
  }
  for (const [end, token] of tokens) {
    if (!taken.has(end)) {
      token.remove();
      tokens.delete(end);
    }
  }
}

const byIdIn = (id) => drawing.querySelector(`#${id}`);

// ---- The parts of the page

/** The IP address that all addresses share, or null: then only ports need to be shown. */
function sharedAddress(rows) {
  const hosts = new Set();
  for (const row of rows) {
    for (const address of [row.local, row.peer]) {
      const host = address.slice(0, address.lastIndexOf(":"));
      if (!address.endsWith(":*")) hosts.add(host);
    }
  }
  return hosts.size === 1 ? [...hosts][0] : null;
}

function showTable(shown, earlier) {
  const shared = sharedAddress(shown.rows);
  const short = (address) => {
    if (address.endsWith(":*")) return "*";
    return shared && address.startsWith(`${shared}:`) ? address.slice(shared.length) : address;
  };
  const old = new Map((earlier?.rows ?? []).map((row) => [`${row.local} ${row.peer}`, row]));
  const head = ["role", "Recv-Q", "Send-Q", "local", "peer", "state"];
  const table = make("table", {}, make("tr", {}, ...head.map((name) =>
    make("th", name.endsWith("-Q") ? { class: "number" } : {}, name))));
  for (const row of shown.rows) {
    const was = old.get(`${row.local} ${row.peer}`);
    const cell = (name, text, attributes = {}) => {
      const isChanged = was && String(was[name]) !== String(row[name]);
      const parts = isChanged ? [make("del", {}, String(was[name] ?? "")), text] : [text];
      const classes = [attributes.class, isChanged || (earlier && !was) ? "changed" : ""];
      return make("td", { class: classes.filter(Boolean).join(" ") }, ...parts);
    };
    table.append(make("tr", {},
      make("td", {}, row.role ?? ""),
      cell("recv_q", String(row.recv_q), { class: "number" }),
      cell("send_q", String(row.send_q), { class: "number" }),
      make("td", {}, short(row.local)), make("td", {}, short(row.peer)),
      cell("state", row.state)));
    if (row.figures.length > 0) {
      table.append(make("tr", {}, make("td", { colspan: 6, class: "note" }, `↑ ${row.figures.join(", ")}`)));
    }
  }
  const notes = shown.without_row.map(({ role, why }) =>
    why === "closed" ? `no row for the ${role}: CLOSED`
      : why === "minute over" ? `the ${role}'s minute of TIME_WAIT is over`
        : `no row for the ${role}`);
  if (shown.other_rows > 0) notes.push(`${shown.other_rows} other rows of these ports are not shown`);
  if (shared) notes.push(`all addresses are ${shared}`);
  byId("table").replaceChildren(table, make("p", { class: "note" }, notes.join("; ")));
}

/** All segments up to this frame; those of this frame stand out. */
function segmentList(index) {
  const roles = new Map();
  const list = make("div", { class: "segments" });
  const clients = new Map();
  let count = 0;
  for (let i = 0; i <= index; i += 1) {
    for (const end of frames.list[i].shown?.ends ?? []) {
      const [local, peer] = end.end.split(" -> ");
      if (peer) roles.set(`${local} ${peer}`, end.role);
    }
  }
  for (let i = 0; i <= index; i += 1) {
    const frame = frames.list[i];
    const isOld = i < index ? " old" : "";
    for (const segment of frame.segments) {
      const pair = [segment.from, segment.to].sort().join(" ");
      if (!clients.has(pair)) clients.set(pair, segment.from);
      const isClients = clients.get(pair) === segment.from;
      const [client, server] = isClients ? [segment.from, segment.to] : [segment.to, segment.from];
      const label = (own, other) => roles.get(`${own} ${other}`) ?? `:${own.split(":").at(-1)}`;
      count += 1;
      list.append(
        make("span", { class: isOld.trim() }, label(client, server)),
        make("span", { class: `arrow ${isClients ? "to" : "fro"}${isOld}`, "aria-label": isClients ? "to" : "from" }),
        make("span", { class: isOld.trim() }, label(server, client)),
        make("span", { class: `info${isOld}` }, segment.info));
    }
    if (frame.leftOut > 0) {
      list.append(make("span", { class: "note", style: "grid-column: 1 / -1" },
        `${frame.leftOut} more segments passed`));
    }
  }
  return count > 0 ? list : make("p", { class: "note" }, "No TCP segment has been captured here.");
}

function queues(shown) {
  const most = Math.max(1, ...shown.rows.flatMap((row) => [row.recv_q, row.send_q]));
  const table = make("table", {});
  for (const row of shown.rows) {
    const name = row.role ?? `${row.local}, ${row.peer}`;
    for (const [queue, bytes] of [["Recv-Q", row.recv_q], ["Send-Q", row.send_q]]) {
      const bar = make("span", { class: queue === "Send-Q" ? "bar send" : "bar", style: `width: ${(9 * bytes) / most}rem` });
      table.append(make("tr", {}, make("td", {}, queue === "Recv-Q" ? name : ""),
        make("td", {}, queue), make("td", { class: "number" }, String(bytes)), make("td", {}, bar)));
    }
  }
  return table;
}

function showViews(index, shown) {
  for (const name of ["states", "segments", "queues"]) {
    byId(`tab-${name}`).setAttribute("aria-selected", String(name === view));
  }
  const panel = byId("view");
  if (view === "segments") {
    panel.replaceChildren(segmentList(index));
    panel.scrollTop = panel.scrollHeight;
  } else if (view === "queues") {
    panel.replaceChildren(shown ? queues(shown) : "");
  } else if (drawing.parentElement !== panel || panel.children.length !== 1) {
    panel.replaceChildren(drawing);
  }
  moveTokens(shown?.ends ?? []);
}

/** The most lines of source code that stand out. */
const LINES = 30;

function showSource(index) {
  const line = frames.list[index]?.stage?.line ?? 0;
  // Not more than can be looked at: a function that an earlier line calls may show a stage.
  const from = Math.max(line - LINES, ...frames.list.slice(0, index).map((frame) => frame.stage?.line ?? 0)
    .filter((earlier) => earlier < line));
  const lines = byId("source").querySelectorAll("li");
  lines.forEach((item, i) => {
    item.classList.toggle("new", i + 1 > from && i + 1 <= line);
    item.classList.toggle("here", i + 1 === line);
  });
  const panel = byId("source");
  const target = lines[Math.max(0, Math.min(line, lines.length) - 1)];
  if (line > 0 && target) panel.scrollTop = target.offsetTop - panel.offsetTop - panel.clientHeight * 0.7;
}

function paragraphs(words) {
  return words.map((event) => {
    switch (event.event) {
      case "passed": return make("pre", {}, event.text);
      case "claimed": return make("p", { class: "claim" }, event.text);
      case "failed": return make("p", { class: "wrong" }, `The lesson has failed: ${event.text}`);
      case "left_out": return make("p", {}, `${event.stages} left out: ${event.why}.`);
      default: return make("p", {}, event.text);
    }
  });
}

function endingOf({ stages, checked, left_out: leftOut }) {
  if (!checked) return `None of the ${stages} stages was checked.`;
  const missing = leftOut.reduce((sum, one) => sum + one.stages, 0);
  return missing === 0
    ? `The kernel has confirmed all ${stages} stages.`
    : `The kernel has confirmed ${stages} of ${stages + missing} stages.`;
}

function showQuestion(question, frame) {
  const buttons = question.choices.map((choice, i) => {
    const button = make("button", {}, `${choice} `, make("kbd", {}, String(i + 1)));
    button.addEventListener("click", () => choose(choice));
    return button;
  });
  const asked = frame.stage.question ? [make("p", {}, frame.stage.question)] : [];
  byId("words").replaceChildren(...asked,
    make("div", { class: "choices" }, make("span", {}, `In which state is the ${question.role} now?`), ...buttons));
}

/** What was said to the question, once its answer is shown. */
function verdict(index) {
  const choice = answered.get(index);
  const question = choice ? questionOf(index) : null;
  if (!question) return [];
  const isRight = choice === question.right;
  const tally = Object.entries(frames.list[index].tally ?? {}).map(([name, n]) => `${name} ${n}`);
  const all = tally.length > 0 ? `  (all answers: ${tally.join(", ")})` : "";
  return [make("p", { class: isRight ? "right" : "wrong" },
    `${question.role}: ${question.right} — ${isRight ? "right" : `you said ${choice}`}${all}`)];
}

function show() {
  const frame = frames.list[at];
  if (!frame) return;
  const question = openQuestion();
  const isAsking = question !== null;
  const earlier = before(at);
  const shown = isAsking || !frame.shown ? earlier : frame.shown;
  const title = frame.stage ? `${frame.stage.number}. ${frame.stage.title}` : "The end of the lesson";
  byId("title").textContent = title;
  document.title = `${lesson.lesson}: ${title}`;
  if (shown) showTable(shown, isAsking || shown === earlier ? null : earlier);
  else byId("table").replaceChildren(make("p", { class: "note" }, "No row yet."));
  showViews(isAsking ? Math.max(0, at - 1) : at, shown);
  showSource(at);
  if (isAsking) {
    showQuestion(question, frame);
  } else {
    const ending = frame.ending ? [make("p", {}, endingOf(frame.ending))] : [];
    byId("words").replaceChildren(...verdict(at), ...paragraphs(frame.words), ...ending);
    byId("words").scrollTop = 0;
  }
  const stages = frames.list.filter((other) => other.stage).length;
  const count = lesson.live && !frames.list.at(-1).ending ? "" : ` of ${stages}`;
  byId("where").textContent = `${lesson.lesson}${frame.stage ? `, stage ${frame.stage.number}${count}` : ""}`;
  byId("back").disabled = at === 0;
  byId("next").disabled = !isAsking && at === frames.list.length - 1 && !(lesson.live && frame.stage);
  history.replaceState(null, "", `#${at}`);
}

// ---- Controls

function next() {
  if (openQuestion()) return choose("");
  const frame = frames.list[at];
  if (at < frames.list.length - 1) {
    at += 1;
    return show();
  }
  if (lesson.live && frame?.stage && isWhole(frame)) {
    follows = true;
    fetch(`next?stage=${frame.stage.number}`, { method: "POST" }).catch(lost);
  }
}

function back() {
  if (at === 0) return;
  at -= 1;
  show();
}

function look(name) {
  view = name;
  show();
}

for (const name of ["states", "segments", "queues"]) {
  byId(`tab-${name}`).addEventListener("click", () => look(name));
}
byId("back").addEventListener("click", back);
byId("next").addEventListener("click", next);
byId("asks").addEventListener("change", show);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const isButton = event.target instanceof HTMLButtonElement || event.target instanceof HTMLInputElement;
  const question = openQuestion();
  const choice = question?.choices[Number(event.key) - 1];
  if (choice) choose(choice);
  else if (event.key === "ArrowRight" || event.key === "PageDown" || (event.key === " " && !isButton)) next();
  else if (event.key === "ArrowLeft" || event.key === "PageUp") back();
  else if (event.key === "d") look("states");
  else if (event.key === "s") look("segments");
  else if (event.key === "q") look("queues");
  else return;
  event.preventDefault();
});

// ---- The lesson

const source = make("ol");
for (const line of (lesson.source?.text ?? "").trimEnd().split("\n")) source.append(make("li", {}, line));
byId("source").append(source);

let follows = false; // whether the next frame is shown as soon as it is whole

function lost() {
  byId("where").textContent = "the lesson's program does not answer any more";
}

/** Asks for events again and again, and shows them. */
async function listen() {
  let count = 0;
  const wanted = Number(location.hash.slice(1)) || 0;
  for (;;) {
    const answer = await (await fetch(`events?from=${count}`)).json();
    count += answer.events.length;
    const isFirst = frames.list.length === 0;
    for (const event of answer.events) frames.add(event);
    const last = frames.list.length - 1;
    if (isFirst && last >= 0) at = Math.min(wanted, last);
    if (follows && at < last && isWhole(frames.list[at + 1])) {
      at += 1;
      follows = false;
    }
    if (isWhole(frames.list[at])) show();
    if (answer.over) return lost();
  }
}

if (lesson.live) {
  listen().catch(lost);
} else {
  for (const event of lesson.events ?? []) frames.add(event);
  at = Math.min(Number(location.hash.slice(1)) || 0, frames.list.length - 1);
  show();
}
