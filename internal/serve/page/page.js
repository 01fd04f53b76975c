"use strict";
// The live page. All text goes in by textContent: some of it is what servers sent.

// What was known: {at, end, low, high, status}, the times in ms of this page and the ends in ns against the local
// clock; low is null where nothing was known. A span of the server's history holds all that was seen in it, so the band is
// never narrower than it was.
let looks = [], minutes = [];
const views = {"15 min": [() => looks, 900e3, 5e3], "1 h": [() => looks, 3600e3, 5e3], "24 h": [() => minutes, 86400e3, 180e3]};
let view = "15 min";
const terms = [
  ["half_round_trip_ns", "half the round trip"], ["half_root_delay_ns", "root delay"], ["root_dispersion_ns", "root dispersion"],
  ["precision_ns", "precision"], ["margin_ns", "margin"], ["ageing_ns", "ageing"], ["rounding_ns", "rounding"],
];
const symbols = {agreed: "*", falseticker: "x", rejected: "!", unreachable: "?"};

const id = (name) => document.getElementById(name);

// bound writes the half width of something that is true: as duration, but rounded up.
function bound(ns) {
  let step = 1;
  while (ns / step >= 1e4) step *= 10;
  return duration(Math.ceil(ns / step) * step);
}

// duration writes four digits and the unit that fits, as the command does.
function duration(ns) {
  let unit = "ns", value = ns;
  for (const next of ["µs", "ms", "s"]) {
    if (Math.abs(value) < 999.95) break;
    value /= 1000;
    unit = next;
  }
  const size = Math.abs(value);
  return value.toFixed(size < 9.9995 ? 3 : size < 99.995 ? 2 : size < 999.95 ? 1 : 0) + " " + unit;
}

function offset(ns) {
  if (ns === 0) return "0 ns";
  return duration(Math.abs(ns)) + (ns > 0 ? " slow" : " fast");
}

// span leaves out of the second moment what both share: the day and the minute.
function span(earliest, latest) {
  if (earliest.slice(0, 10) !== latest.slice(0, 10)) return earliest + " … " + latest;
  return earliest.slice(11) + " … " + latest.slice(earliest.slice(0, 17) === latest.slice(0, 17) ? 17 : 11);
}

function element(name, text, attributes = {}) {
  const svg = ["path", "line", "text", "svg", "rect", "title"].includes(name);
  const e = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  if (text !== undefined) e.textContent = text;
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  return e;
}

function show(o) {
  document.body.dataset.readAt = o.read_at || "";
  const known = o.interval !== null;
  id("status").textContent = o.status;
  id("status").dataset.status = o.status;
  id("interval").textContent = known ? span(o.interval.earliest, o.interval.latest) : "unknown";
  id("uncertainty").textContent = known ? "±" + bound(o.interval.uncertainty_ns) : "unknown";
  id("uncertainty").dataset.ns = known ? o.interval.uncertainty_ns : "";
  let local = "unknown";
  if (known) {
    const less = Math.abs(o.offset_ns) <= o.interval.uncertainty_ns;
    local = offset(o.offset_ns) + (less ? ", less than its error" : ", certainly");
  }
  id("offset").textContent = local;
  id("agreed").textContent = o.agreed + " of " + o.sources_total + " agree" + (o.faulty_tolerated === null ? "" : ", " + o.faulty_tolerated + " may lie");
  id("error").hidden = !o.error;
  id("error").textContent = o.error ? o.error.message : "";
  document.title = (known ? "±" + bound(o.interval.uncertainty_ns) : o.status) + " · clockctl";
  remember(o, known);
  draw();
  id("sources").replaceChildren(...o.sources.map(row));
  id("forecast").replaceChildren(...o.forecast.map(forecast));
}

function remember(o, known) {
  const at = performance.now();
  const low = known ? o.offset_ns - o.interval.uncertainty_ns : null, high = known ? o.offset_ns + o.interval.uncertainty_ns : null;
  looks.push({at, end: at, low, high, status: o.status});
  while (looks.length > 4000) looks.shift();
}

// recall takes the server's history over, and keeps what the page saw before that and after it: the server may have been
// restarted, and the page too.
async function recall() {
  const answer = await fetch("api/v1/history");
  if (!answer.ok) return;
  const o = await answer.json(), now = performance.now();
  const spans = (list) => list.map((s) => ({at: now - s.age_ns / 1e6, end: now - (s.age_ns - s.span_ns) / 1e6, low: s.low_ns, high: s.high_ns, status: s.status}));
  const merged = (own, theirs, length) => (theirs.length === 0 ? own
    : own.filter((p) => p.at < theirs[0].at).concat(theirs, own.filter((p) => p.at > theirs[theirs.length - 1].end))).filter((p) => p.end > now - length);
  looks = merged(looks, spans(o.looks), 3600e3);
  minutes = merged(minutes, spans(o.minutes), 86400e3);
  draw();
}

function row(s) {
  const unknown = (value, text) => value === null ? "–" : text(value);
  const tr = element("tr", undefined, {"data-state": s.state});
  tr.append(
    element("td", symbols[s.state] || "", {title: s.state}), element("td", s.address), element("td", unknown(s.stratum, String)),
    element("td", unknown(s.offset_ns, offset)), element("td", unknown(s.error_bound_ns, bound)), element("td", unknown(s.delay_ns, duration)));
  const cell = element("td");
  if (s.budget) cell.append(budget(s.budget, s.error_bound_ns));
  tr.append(cell, element("td", s.reason === null ? "" : s.reason + ": " + s.detail));
  return tr;
}

function budget(b, total) {
  const svg = element("svg", undefined, {viewBox: "0 0 100 10", preserveAspectRatio: "none", class: "budget"});
  let x = 0;
  const words = [];
  terms.forEach(([key, name], i) => {
    const width = total > 0 ? 100 * b[key] / total : 0;
    svg.append(element("rect", undefined, {x, y: 0, width, height: 10, class: "b" + i}));
    x += width;
    if (b[key] > 0) words.push(duration(b[key]) + " " + name);
  });
  svg.prepend(element("title", words.join(", ")));
  return svg;
}

function forecast(f) {
  const tr = element("tr");
  tr.append(element("td", "in " + f.after_ns / 60e9 + " min"), element("td", f.uncertainty_ns === null ? "unknown: the samples are too old by then" : "±" + bound(f.uncertainty_ns)));
  return tr;
}

// draw shows the band around the local clock; it ends where nothing was known, or nobody looked.
function draw() {
  const [list, length, hole] = views[view];
  const now = performance.now(), points = list().filter((p) => p.end > now - length);
  const known = points.filter((p) => p.low !== null);
  const plot = id("plot");
  plot.replaceChildren();
  id("span").textContent = points.length === 0 ? "" : "Shown: " + ago(now - points[0].at) + ".";
  if (known.length === 0) return;
  const width = 900, height = 260, from = points[0].at, to = Math.max(points[points.length - 1].end, from + 10e3);
  let low = 0, high = 0;
  for (const p of known) {
    low = Math.min(low, p.low);
    high = Math.max(high, p.high);
  }
  const room = 0.08 * (high - low || 1);
  low -= room;
  high += room;
  const x = (at) => (width * (at - from) / (to - from)).toFixed(1);
  const y = (ns) => (height * (high - ns) / (high - low)).toFixed(1);
  for (const ns of ticks(low, high)) {
    plot.append(element("line", undefined, {x1: 0, x2: width, y1: y(ns), y2: y(ns), class: ns === 0 ? "zero" : "grid"}));
    plot.append(element("text", offset(ns), {x: 4, y: y(ns) - 3}));
  }
  let above = [], below = [];
  const end = () => {
    if (above.length > 0) plot.append(element("path", undefined, {d: "M" + above.concat(below.reverse()).join("L") + "Z", class: "band"}));
    above = [];
    below = [];
  };
  points.forEach((p, i) => {
    const before = points[i - 1];
    if (before && p.at - before.end > hole) end();
    if (before && p.status !== before.status && p.status !== "synchronized") mark(plot, x(p.at), height, p.status);
    if (p.low === null) return end();
    for (const at of p.at === p.end ? [p.at] : [p.at, p.end]) {
      above.push(x(at) + "," + y(p.high));
      below.push(x(at) + "," + y(p.low));
    }
  });
  end();
}

function mark(plot, x, height, text) {
  const line = element("line", undefined, {x1: x, x2: x, y1: 0, y2: height, class: "mark"});
  line.append(element("title", text));
  plot.append(line);
}

function ago(ms) {
  if (ms < 120e3) return Math.round(ms / 1e3) + " s";
  return ms < 7200e3 ? Math.round(ms / 60e3) + " min" : (ms / 3600e3).toFixed(1) + " h";
}

// ticks are some round numbers, 0 among them.
function ticks(low, high) {
  const rough = (high - low) / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * (rough / power > 5 ? 10 : rough / power > 2 ? 5 : 2);
  const list = [];
  for (let n = Math.ceil(low / step); n * step <= high; n++) list.push(n * step);
  return list;
}

function disconnected() {
  document.body.classList.add("stale");
  id("connection").textContent = "no connection; what is shown is old. Trying again …";
  const last = looks[looks.length - 1], at = performance.now();
  if (last && last.status !== "no connection") looks.push({at, end: at, low: null, high: null, status: "no connection"});
}

// listen reconnects by itself after a break, and here where a browser gives up: an answer that is no stream.
function listen() {
  const source = new EventSource("api/v1/events");
  source.onopen = () => recall().catch(() => {}); // the events alone will do
  source.onmessage = (message) => {
    document.body.classList.remove("stale");
    id("connection").textContent = "";
    show(JSON.parse(message.data));
  };
  source.onerror = () => {
    disconnected();
    source.close();
    setTimeout(listen, 1000);
  };
}

terms.forEach(([, name], i) => id("legend").append(element("span", "■ " + name, {class: "b" + i})));
for (const name of Object.keys(views)) {
  const button = element("button", name, {type: "button", "aria-pressed": name === view});
  button.addEventListener("click", () => {
    view = name;
    for (const b of id("views").children) b.setAttribute("aria-pressed", b === button);
    recall().catch(draw);
  });
  id("views").append(button);
}
setInterval(() => view === "24 h" && recall().catch(() => {}), 60e3);
listen();
