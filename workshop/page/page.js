// Plays a lesson: the frames of a recording, or of a live lesson as they come. A frame is a stage, or
// what is told after the last one. A check that has failed is played like a lesson: its steps are the
// stages, and its failure is the last frame. Everything shown is put in as text, never as HTML.

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
        this.#push({ stage: event });
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
        (open ?? this.#next).words.push(event);
        break;
      case "told":
      case "left_out":
        this.#next.words.push(event);
        break;
      case "failed":
        if (!open) this.#push({});
        this.list.at(-1).words.push(event);
        this.list.at(-1).isOver = true;
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
      case "check_failed":
        this.#push({ failure: event });
        break;
      case "ends":
        this.#push({ ending: event, isOver: true });
        break;
    }
  }

  #push(what) {
    this.list.push({ ...this.#next, ...what });
    this.#next = empty();
  }
}

const empty = () => ({ segments: [], leftOut: 0, words: [], shown: null, isOver: false });

const frames = new Frames();
let at = 0; // the frame that is shown
let protocol = "tcp";
let check = null; // the event with which a check begins; null in a lesson
const answered = new Map(); // for each frame the choice that was made, or "" for none
let view = "states";
let shownAt = -1; // the frame that was shown last: what is scrolled in it stays so

/** Whether this frame is a stage of which everything has come. */
const isWhole = (frame) => frame?.isOver === true;

/** The table of the last frame before this one that has a table. */
function before(index) {
  for (let i = index - 1; i >= 0; i -= 1) if (frames.list[i].shown) return frames.list[i].shown;
  return null;
}

// ---- Questions

/**
 * What to ask before this frame's table: the lesson's own question, which is for the room to answer
 * aloud, or else in which state an end is that has changed.
 */
function questionOf(index) {
  const { shown, stage } = frames.list[index];
  if (check || !shown || !stage) return null;
  if (stage.question) return { words: stage.question, choices: [] };
  if (protocol === "udp") return null; // its sockets have no states
  const earlier = new Map();
  for (const frame of frames.list.slice(0, index)) {
    for (const row of frame.shown?.rows ?? []) earlier.set(`${row.local} -> ${row.peer}`, row.state);
    for (const end of frame.shown?.ends ?? []) earlier.set(end.end, end.state);
  }
  const isAsked = ({ end, state }) => end.includes(" -> ") && earlier.get(end) !== state;
  const changed = shown.ends.filter(isAsked);
  // One that stays in the table says more than one that has left it.
  const asked = changed.find(({ state }) => state !== "CLOSE") ?? changed[0];
  if (!asked) return null;
  const right = stateName(asked.state);
  const near = neighbours[right] ?? [];
  const others = [stateName(earlier.get(asked.end) ?? ""), ...near, "ESTABLISHED", "CLOSED"];
  const isChoice = (name) => name in places && name !== "LISTEN";
  const choices = [...new Set([right, ...others.filter(isChoice)])].slice(0, 4);
  const order = Object.keys(places);
  choices.sort((a, b) => order.indexOf(a) - order.indexOf(b));
  return { words: `In which state is the ${asked.role} now?`, role: asked.role, right, choices };
}

const stateName = (state) => (state === "CLOSE" ? "CLOSED" : state);

/** The question that is open in the frame that is shown, or null. */
function openQuestion() {
  return byId("asks").checked && !answered.has(at) && frames.list[at]
    ? questionOf(at)
    : null;
}

/** Ends the question that is open: with a choice, or with "" for none. */
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
  CLOSED: [310, 18], LISTEN: [80, 66], SYN_SENT: [540, 66], SYN_RECV: [80, 124],
  ESTABLISHED: [310, 124], FIN_WAIT1: [80, 186], CLOSE_WAIT: [540, 186], FIN_WAIT2: [80, 250],
  CLOSING: [310, 216], LAST_ACK: [540, 250], TIME_WAIT: [310, 280],
};

// From, to, what happens / what is sent; RFC 9293, 3.3.2, figure 5.
const ways = [
  ["CLOSED", "LISTEN", "listen"], ["CLOSED", "SYN_SENT", "connect / SYN"],
  ["LISTEN", "SYN_RECV", "SYN / SYN+ACK"], ["SYN_SENT", "ESTABLISHED", "SYN+ACK / ACK"],
  ["SYN_RECV", "ESTABLISHED", "ACK"], ["ESTABLISHED", "FIN_WAIT1", "close, shutdown / FIN"],
  ["ESTABLISHED", "CLOSE_WAIT", "FIN / ACK"], ["FIN_WAIT1", "FIN_WAIT2", "ACK"],
  ["FIN_WAIT1", "CLOSING", "FIN / ACK"], ["FIN_WAIT2", "TIME_WAIT", "FIN / ACK"],
  ["CLOSING", "TIME_WAIT", "ACK"], ["CLOSE_WAIT", "LAST_ACK", "close / FIN"],
];

/** Ways to CLOSED, whose arrows would cross the others: a line of text below the state instead. */
const lastWays = { TIME_WAIT: "after 60 s: CLOSED", LAST_ACK: "ACK: CLOSED" };

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

const WIDTH = 124;
const HEIGHT = 28;

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
    viewBox: "0 -12 632 324", role: "img", "aria-label": "State diagram",
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
    if (name in lastWays) {
      drawing.append(svg("text", { class: "label", x, y: y + HEIGHT / 2 + 13 }, lastWays[name]));
    }
  }
  return drawing;
}

const drawing = diagram();
const tokens = new Map();
const colours = new Map(); // for each role

/** The colour of a role, the same in all stages. */
function colourOf(role) {
  if (check) return isYours(role) ? 0 : role === EXAMS ? 1 : 4;
  if (!colours.has(role)) colours.set(role, colours.size % 4);
  return colours.get(role);
}

/** In a check a row's role is its owner: `yours, fd 7`, `the exam's`, or why it has none. */
const EXAMS = "the exam's";
const isYours = (role) => role.startsWith("yours");

/** The ends that play a part: those that the stage names, and those whose rows it shows. */
function endsOf(shown) {
  const named = new Set(shown.ends.map(({ end }) => end));
  const rows = shown.rows.map((row) => ({
    end: row.state === "LISTEN" ? row.local : `${row.local} -> ${row.peer}`,
    role: roleOf(row),
    state: row.state,
  }));
  return [...shown.ends, ...rows.filter(({ end, role }) => role && !named.has(end))];
}

/** Moves a token for each end into the box of its state. */
function moveTokens(ends) {
  const here = new Map();
  const taken = new Set();
  const letters = new Set();
  for (const box of drawing.querySelectorAll("g[id]")) box.classList.remove("occupied");
  for (const { end, role, state } of ends) {
    const name = stateName(state);
    const place = places[name];
    if (!place || taken.has(end)) continue;
    byIdIn(`box-${name}`).classList.add("occupied");
    const count = here.get(name) ?? 0;
    here.set(name, count + 1);
    taken.add(end);
    let token = tokens.get(end);
    if (!token) {
      token = svg("g", {}, svg("circle", { r: 11 }), svg("text", { y: 5 }), svg("title"));
      tokens.set(end, token);
      drawing.append(token);
    }
    // The first letter of the role that no other token has.
    const all = [...role.replace(/^the /, "").toUpperCase().replaceAll(/[^A-Z]/g, "")];
    const isFree = (one) => check || !letters.has(one); // in a check a letter stands for the owner
    const letter = all.find(isFree) ?? all[0] ?? "?";
    letters.add(letter);
    token.setAttribute("class", `token k${colourOf(role)}`);
    token.querySelector("text").textContent = letter;
    token.querySelector("title").textContent = `${role}: ${name}`;
    token.style.transform = `translate(${place[0] - WIDTH / 2 + 2 + 24 * count}px, ${place[1] - 19}px)`;
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

/** The part that a row's end plays. A listener without one is called so. */
const roleOf = (row) => row.role ?? (row.state === "LISTEN" ? "listener" : "");

/** The rows. `when` says at which moment the kernel has shown them. */
function showTable(shown, earlier, when) {
  const shared = sharedAddress(shown.rows);
  const short = (address) => {
    if (address.endsWith(":*")) return "*";
    return shared && address.startsWith(`${shared}:`) ? address.slice(shared.length) : address;
  };
  const old = new Map((earlier?.rows ?? []).map((row) => [`${row.local} ${row.peer}`, row]));
  const head = [check ? "owner" : "role", "state", "Recv-Q", "Send-Q", "local", "peer"];
  const named = new Set(shown.ends.map(({ end }) => end));
  const isNamed = (row) => named.has(`${row.local} -> ${row.peer}`) || named.has(row.local);
  // With many rows those that the stage is about come first.
  const rows = shown.rows.length > 6
    ? [...shown.rows.filter(isNamed), ...shown.rows.filter((row) => !isNamed(row))]
    : shown.rows;
  const table = make("table", {}, make("tr", {}, ...head.map((name) =>
    make("th", name.endsWith("-Q") ? { class: "number" } : {}, name))));
  for (const row of rows) {
    const was = old.get(`${row.local} ${row.peer}`);
    const cell = (name, text, attributes = {}) => {
      const isChanged = was && String(was[name]) !== String(row[name]);
      const parts = isChanged ? [make("del", {}, String(was[name] ?? "")), text] : [text];
      const classes = [attributes.class, isChanged || (earlier && !was) ? "changed" : ""];
      return make("td", { class: classes.filter(Boolean).join(" ") }, ...parts);
    };
    table.append(make("tr", {},
      make("td", { class: row.role ? `role k${colourOf(row.role)}` : "" }, roleOf(row)),
      cell("state", row.state),
      cell("recv_q", String(row.recv_q), { class: "number" }),
      cell("send_q", String(row.send_q), { class: "number" }),
      make("td", {}, short(row.local)), make("td", {}, short(row.peer))));
    if (row.figures.length > 0) {
      table.append(make("tr", {}, make("td", { colspan: 6, class: "note" }, `↑ ${row.figures.join(", ")}`)));
    }
  }
  const notes = shown.without_row.map(({ role, why }) =>
    why === "closed" ? `no row for the ${role}: CLOSED`
      : why === "minute over" ? `no row for the ${role}: its minute is over`
        : `no row for the ${role}`);
  if (shown.other_rows > 0) notes.push(`${shown.other_rows} other rows of these ports are not shown`);
  if (shared) notes.push(`all addresses are ${shared}`);
  notes.push(`as the kernel showed it ${when}`);
  const threads = (shown.threads ?? []).map((line) => make("p", { class: "threads" }, line));
  const isEmpty = check && rows.length === 0;
  const note = isEmpty ? `No socket of this check was in the table ${when}.` : notes.join("; ");
  byId("table").replaceChildren(
    ...(isEmpty ? [] : [table]), ...threads, make("p", { class: "note" }, note));
}

/** All segments up to this frame; those of this frame stand out. */
function segmentList(index) {
  if (index < 0) return make("p", { class: "note" }, "The first segments come with the answer.");
  const roles = new Map();
  const list = make("div", { class: "segments" });
  const clients = new Map();
  const sent = new Set();
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
    if (i === index && count > 0) list.append(make("hr", { id: "stage-begins" }));
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
        make("span", { class: `info${isOld}` }, segment.info, again(segment)));
    }
    if (frame.leftOut > 0) {
      list.append(make("span", { class: "note", style: "grid-column: 1 / -1" },
        `${frame.leftOut} more segments passed`));
    }
  }
  const passed = frames.list.slice(0, index + 1).flatMap(({ words }) => words)
    .filter(({ event }) => event === "passed");
  if (count === 0 && passed.length > 0) { // this lesson captures in a network of its own
    return make("div", {}, ...paragraphs(passed));
  }
  return count > 0 ? list : make("p", { class: "note" }, "No TCP segment has been captured here.");

  /** A word about a segment whose numbers have passed before. */
  function again(segment) {
    const numbers = `${segment.from} ${segment.to} ${/Seq=\d+/.exec(segment.info)}`;
    const takesNumbers = segment.length > 0 || /SYN|FIN/.test(segment.flags);
    if (!takesNumbers) return "";
    const isAgain = sent.has(numbers);
    sent.add(numbers);
    return isAgain ? "  sent again" : "";
  }
}

/** The steps of a check up to this frame, what passed before each, and where your threads are. */
function sequence(index) {
  const list = make("div", { class: "sequence" });
  const cell = (kind, ...children) => {
    const element = make("div", { class: kind }, ...children);
    list.append(element);
    return element;
  };
  const owners = new Map();
  for (const frame of frames.list) {
    for (const { end, role } of frame.shown?.ends ?? []) owners.set(end, role);
  }
  const firsts = new Map(); // of each pair of addresses, who has sent first
  for (const { segments } of frames.list) {
    for (const { from, to } of segments) {
      const pair = [from, to].sort().join(" ");
      if (!firsts.has(pair)) firsts.set(pair, from);
    }
  }
  const windows = new Map(); // for each way, the window of the last segment
  const port = (address) => address.slice(address.lastIndexOf(":"));
  /** Whether the exam's end has sent it: it is on the left. */
  const isExams = ({ from, to }) => {
    const [sender, receiver] = [owners.get(`${from} -> ${to}`), owners.get(`${to} -> ${from}`)];
    if (sender === EXAMS || receiver === EXAMS) return sender === EXAMS && receiver !== sender;
    if (sender && isYours(sender)) return false;
    if (receiver && isYours(receiver)) return true;
    return firsts.get([from, to].sort().join(" ")) === from;
  };
  // Where the exam's ports tell all connections apart, they are enough.
  const examsPorts = frames.list.flatMap(({ segments }) => segments)
    .map((segment) => port(isExams(segment) ? segment.from : segment.to));
  const areTold = new Set(examsPorts).size === firsts.size;
  cell("head", "the exam's calls");
  cell("head middle", "segments");
  cell("head", "your threads, after the step");
  for (let i = 0; i <= index; i += 1) {
    const { stage, failure, shown, segments, leftOut } = frames.list[i];
    const age = i < index ? " old" : " now";
    const call = stage ? `${stage.number}. ${stage.title}` : `✗ expected: ${failure?.expected.split("\n")[0] ?? ""}`;
    const threads = (shown?.threads ?? []).map((line) => make("p", {}, line));
    const left = cell(`call${age}`, call);
    if (i === index) left.id = "stage-begins";
    const middle = cell(`lines${age}`);
    cell(`call${age}`, ...threads);
    for (const segment of segments) {
      const way = isExams(segment) ? "to" : "fro";
      const [exams, yours] = way === "to" ? [segment.from, segment.to] : [segment.to, segment.from];
      const ports = areTold ? port(exams) : `${port(exams)} – ${port(yours)}`;
      const ends = firsts.size > 1 ? [make("span", { class: "ports" }, `${ports} `)] : [];
      middle.append(
        make("p", { title: `${segment.from} to ${segment.to}: ${segment.info}` }, ...ends, brief(segment)),
        make("div", { class: `arrow ${way}`, role: "img", "aria-label": way === "to" ? "to your end" : "to the exam's end" }));
    }
    if (leftOut > 0) middle.append(make("p", { class: "note" }, `${leftOut} more segments passed`));
  }
  const notes = [];
  if (check.without_segments) notes.push(`Without segments: ${check.without_segments}.`);
  else if (firsts.size === 0) notes.push("No TCP segment of this check has passed on loopback.");
  if (check.segments_missed > 0) notes.push(`The capture has missed ${check.segments_missed} frames of this exercise's checks.`);
  return make("div", {}, list, ...notes.map((note) => make("p", { class: "note" }, note)));

  /** A segment in a line: its window if that has changed, and of its options the ranges of a SACK. */
  function brief({ from, to, info }) {
    const [, numbers, window, length, options] = /^(.*?)( Win=\d+)?( Len=\d+)(.*)$/.exec(info) ?? ["", info, "", "", ""];
    const way = `${from} ${to}`;
    const isNew = windows.get(way) !== window;
    windows.set(way, window);
    const sack = / SLE=\d+.*/.exec(options)?.[0] ?? "";
    return numbers + (isNew ? window ?? "" : "") + length + sack;
  }
}

function queues(shown) {
  const most = Math.max(1, ...shown.rows.flatMap((row) => [row.recv_q, row.send_q]));
  const table = make("table", {});
  for (const row of shown.rows) {
    const name = roleOf(row) || `${row.local}, ${row.peer}`;
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
    panel.replaceChildren(check ? sequence(index) : segmentList(index));
    const begins = byId("stage-begins");
    panel.scrollTop = begins ? begins.offsetTop - panel.offsetTop : 0;
  } else if (view === "queues") {
    panel.replaceChildren(shown ? queues(shown) : "");
  } else if (drawing.parentElement !== panel || panel.children.length !== 1) {
    panel.replaceChildren(drawing);
  }
  moveTokens(shown ? endsOf(shown) : []);
}

/** The lines that led to a stage: from the one before it in the same function, to the stage's. */
function linesBefore(line) {
  // Up to the end of what was told before, or the beginning of the function.
  const ends = /\.show\(\)|^\s*(pub )?fn |^\s*\) -> .*\{$|story\.tell|story\.claim/;
  let from = line - 1;
  while (from > 0 && !ends.test(sourceLines[from - 1])) from -= 1;
  while (from < line - 1 && sourceLines[from].trim() === "") from += 1;
  return from + 1;
}

/** Lines up to the stage's stand out. While a question is open, the answer below is hidden. */
function showSource(index, isAsking) {
  if (check) return showPlaces(frames.list[index]);
  const line = frames.list[index]?.stage?.line ?? 0;
  const from = linesBefore(line);
  const lines = byId("source").querySelectorAll("li");
  lines.forEach((item, i) => {
    item.classList.toggle("new", i + 1 >= from && i + 1 <= line);
    item.classList.toggle("here", i + 1 === line);
    item.classList.toggle("hidden", isAsking && i + 1 > line);
  });
  const panel = byId("source");
  const target = lines[Math.max(0, Math.min(line, lines.length) - 1)];
  if (line > 0 && target) panel.scrollTop = target.offsetTop - panel.offsetTop - panel.clientHeight * 0.6;
}

/** The student's file, with the lines at which the check has failed. */
function showPlaces(frame) {
  const panel = byId("source");
  panel.classList.toggle("failing", frame.failure !== undefined);
  const lines = [...panel.querySelectorAll("li")];
  const target = lines.find((item) => item.classList.contains("place"))
    ?? lines.find((item) => /^\s*pub fn /.test(item.textContent));
  const above = target?.classList.contains("place") ? 0.5 : 0.1;
  if (target) panel.scrollTop = target.offsetTop - panel.offsetTop - panel.clientHeight * above;
}

/** Marks these places in the source: the part of the line, and below it what happens there. */
function markPlaces(places) {
  const lines = byId("source").querySelectorAll("li");
  for (const { line, from, to, label } of places) {
    const item = lines[line - 1];
    if (!item) continue;
    if (!item.classList.contains("place")) {
      const letters = [...sourceLines[line - 1]];
      item.classList.add("place");
      item.replaceChildren(letters.slice(0, from).join(""),
        make("mark", {}, letters.slice(from, to).join("")), letters.slice(to).join(""));
    }
    item.append(make("div", { class: "label" }, label));
  }
}

/** What a failure says besides its rows and its line: each part with its name. */
function partsOf(failure) {
  const parts = make("dl", { class: "parts" });
  const add = (name, text, kind = "") => {
    if (!text) return;
    const isSet = (line) => /\S {2,}\S|^[ "]/.test(line);
    const children = text.split("\n").filter(Boolean)
      .map((line) => make("p", { class: isSet(line) ? "set" : "" }, line));
    parts.append(make("dt", {}, name), make("dd", kind ? { class: kind } : {}, ...children));
  };
  add("expected", failure.expected);
  add("seen", [failure.seen, ...failure.elsewhere].join("\n"), "wrong");
  add("bytes", failure.bytes);
  add("kernel", failure.kernel.join("\n"));
  add("cause", failure.cause);
  add("printed", failure.printed);
  return parts;
}

function paragraphs(words) {
  return words.flatMap((event) => {
    switch (event.event) {
      case "passed": return [make("pre", {}, event.text)];
      case "claimed": return lines(event.text, "claim");
      case "failed": return [make("p", { class: "wrong" }, `The lesson has failed: ${event.text}`)];
      case "left_out": return [make("p", {}, `${event.stages} left out: ${event.why}.`)];
      default: return lines(event.text, "");
    }
  });
}

/** A paragraph for each line. Columns, which have several spaces between them, keep their width. */
function lines(text, kind) {
  const isColumns = (line) => /\S {2,}\S/.test(line);
  return text.split("\n").filter(Boolean).map((line) =>
    make("p", { class: isColumns(line) ? `${kind} columns`.trim() : kind }, ...withCode(line)));
}

/** A text, with what stands between backquotes in it as code. */
function withCode(text) {
  const parts = text.split("`");
  if (parts.length % 2 === 0) return [text]; // one of them has no other
  return parts.map((part, i) => (i % 2 === 1 ? make("code", {}, part) : part));
}

function endingOf({ stages, checked, left_out: leftOut }) {
  if (!checked) return `None of the ${stages} stages was checked.`;
  const missing = leftOut.reduce((sum, one) => sum + one.stages, 0);
  return missing === 0
    ? `The kernel has confirmed all ${stages} stages.`
    : `The kernel has confirmed ${stages} of ${stages + missing} stages.`;
}

function showQuestion(question) {
  const buttons = question.choices.map((choice, i) => {
    const button = make("button", {}, `${choice} `, make("kbd", {}, String(i + 1)));
    button.addEventListener("click", () => choose(choice));
    return button;
  });
  const how = buttons.length > 0 ? [] : [make("span", { class: "note" }, "space shows the answer")];
  byId("words").replaceChildren(
    make("div", { class: "choices" }, make("span", {}, question.words), ...buttons, ...how));
}

/** What was said to the question, once its answer is shown. */
function verdict(index) {
  const choice = answered.get(index);
  const question = choice ? questionOf(index) : null;
  if (!question?.right) return [];
  const isRight = choice === question.right;
  const tally = Object.entries(frames.list[index].tally ?? {}).map(([name, n]) => `${name} ${n}`);
  const all = tally.length > 0 ? `  (all answers: ${tally.join(", ")})` : "";
  return [make("p", { class: isRight ? "right" : "wrong" },
    `${question.role}: ${question.right} — ${isRight ? "right" : `you said ${choice}`}${all}`)];
}

function show() {
  const frame = frames.list[at];
  if (!frame) return;
  const scrolled = at === shownAt ? byId("words").scrollTop : 0;
  shownAt = at;
  const question = openQuestion();
  const isAsking = question !== null;
  const earlier = before(at);
  const shown = isAsking || !frame.shown ? earlier : frame.shown;
  const title = frame.stage ? `${frame.stage.number}. ${frame.stage.title}`
    : check ? "The check has failed" : "The end of the lesson";
  byId("title").textContent = title;
  document.title = `${lesson.lesson}: ${title}`;
  const tableOf = frames.list.slice(0, at + 1).findLast((other) => other.shown === shown);
  const number = tableOf?.stage?.number;
  const when = !check ? `in stage ${number}` : number ? `after step ${number}` : "when the check had failed";
  const none = check ? "The kernel has shown no rows." : "The first rows come with the answer.";
  if (shown) showTable(shown, isAsking || shown === earlier ? null : earlier, when);
  else byId("table").replaceChildren(make("p", { class: "note" }, none));
  if (isAsking) {
    showQuestion(question);
  } else {
    const ending = frame.ending ? [make("p", {}, endingOf(frame.ending))] : [];
    const parts = frame.failure ? [partsOf(frame.failure)] : [];
    byId("words").replaceChildren(...verdict(at), ...paragraphs(frame.words), ...parts, ...ending);
  }
  byId("words").scrollTop = scrolled;
  showWhetherMore();
  // After the words, which leave them more room or less.
  showViews(isAsking ? at - 1 : at, shown);
  showSource(at, isAsking);
  const stages = check?.steps ?? frames.list.filter((other) => other.stage).length;
  const count = lesson.live && !frames.list.at(-1).ending ? "" : ` of ${stages}`;
  const kind = check ? "step" : "stage";
  byId("where").textContent = `${lesson.lesson}${frame.stage ? `, ${kind} ${frame.stage.number}${count}` : ""}`;
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
    byId("where").textContent = "the lesson goes on …";
    fetch(`next?stage=${frame.stage.number}`, { method: "POST" }).catch(lost);
  }
}

function back() {
  if (at === 0) return;
  at -= 1;
  show();
}

/** Says that the words go on below. */
function showWhetherMore() {
  const words = byId("words");
  byId("more").hidden = words.scrollTop + words.clientHeight + 4 >= words.scrollHeight;
}

function scrollWords(lines) {
  byId("words").scrollTop += lines * 24;
  showWhetherMore();
}

function goTo(index) {
  at = Math.max(0, Math.min(index, frames.list.length - 1));
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
byId("words").addEventListener("scroll", showWhetherMore);
addEventListener("resize", showWhetherMore);
// A button that was clicked would take the next space.
document.addEventListener("click", (event) => {
  if (event.detail > 0) event.target.closest("button, input")?.blur();
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const isButton = event.target instanceof HTMLButtonElement || event.target instanceof HTMLInputElement;
  const key = event.key.toLowerCase();
  const choice = openQuestion()?.choices[Number(key) - 1];
  if (choice) choose(choice);
  else if (key === "arrowright" || key === "pagedown" || (key === " " && !isButton)) next();
  else if (key === "arrowleft" || key === "pageup") back();
  else if (key === "arrowdown") scrollWords(2);
  else if (key === "arrowup") scrollWords(-2);
  else if (key === "home") goTo(0);
  else if (key === "end") goTo(frames.list.length - 1);
  else if (key === "a") byId("asks").click();
  else if (key === "d") look("states");
  else if (key === "s") look("segments");
  else if (key === "q") look("queues");
  else return;
  event.preventDefault();
});

// The chapter of the book that has this page in a frame says whether it is light or dark.
addEventListener("message", ({ data }) => {
  if (["light", "dark"].includes(data?.scheme)) document.documentElement.style.colorScheme = data.scheme;
});

// ---- The lesson

const sourceLines = (lesson.source?.text ?? "").trimEnd().split("\n");
const source = make("ol");
for (const line of sourceLines) source.append(make("li", {}, line));
byId("source").append(source);

function add(event) {
  if (event.event === "begins") protocol = event.protocol;
  if (event.event === "check_begins") beginCheck(event);
  if (event.event === "check_failed") markPlaces(event.places);
  frames.add(event);
}

/** The page of a check: its name and its rule above, no questions, and its own words for the parts. */
function beginCheck(event) {
  check = event;
  const { number, level, text } = event.rule;
  byId("check").replaceChildren(
    make("p", {}, make("strong", { class: "wrong" }, "FAILED"), ` ${lesson.lesson}: ${event.check}`),
    make("p", { class: "rule" }, `Rule ${number} (${level}): ${text}`));
  byId("check").hidden = false;
  byId("asks").parentElement.hidden = true;
  document.body.classList.add("is-check");
  byId("source").setAttribute("aria-label", `Your file, ${lesson.source.file}`);
  view = "segments";
}

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
    for (const event of answer.events) add(event);
    const last = frames.list.length - 1;
    if (isFirst && last >= 0) at = Math.min(wanted, last);
    if (follows && at < last && isWhole(frames.list[at + 1])) {
      at += 1;
      follows = false;
    }
    if (answer.events.length > 0 && isWhole(frames.list[at])) show();
    if (answer.over) return lost();
  }
}

if (lesson.live) {
  listen().catch(lost);
} else {
  for (const event of lesson.events ?? []) add(event);
  at = Math.min(Number(location.hash.slice(1)) || 0, frames.list.length - 1);
  show();
}
