"use strict";
// The live page. All text goes in by textContent: some of it is what servers sent.

const keep = 900; // points: 15 minutes
const points = []; // {at, offset, half} in ms and ns, or {at, gap: why} where nothing was known
const terms = [
  ["half_round_trip_ns", "half the round trip"], ["half_root_delay_ns", "root delay"], ["root_dispersion_ns", "root dispersion"],
  ["precision_ns", "precision"], ["margin_ns", "margin"], ["ageing_ns", "ageing"], ["rounding_ns", "rounding"],
];
const symbols = {agreed: "*", falseticker: "x", rejected: "!", unreachable: "?"};

const id = (name) => document.getElementById(name);

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
  id("interval").textContent = known ? o.interval.earliest.slice(11) + " … " + o.interval.latest.slice(17) : "unknown";
  id("uncertainty").textContent = known ? "±" + duration(o.interval.uncertainty_ns) : "unknown";
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
  document.title = (known ? "±" + duration(o.interval.uncertainty_ns) : o.status) + " · clockctl";
  remember(o, known);
  draw();
  id("sources").replaceChildren(...o.sources.map(row));
  id("forecast").replaceChildren(...o.forecast.map(forecast));
}

function remember(o, known) {
  const at = Date.now();
  points.push(known ? {at, offset: o.offset_ns, half: o.interval.uncertainty_ns} : {at, gap: o.status});
  while (points.length > keep) points.shift();
}

function row(s) {
  const unknown = (value, text) => value === null ? "–" : text(value);
  const tr = element("tr", undefined, {"data-state": s.state});
  tr.append(
    element("td", symbols[s.state] || "", {title: s.state}), element("td", s.address), element("td", unknown(s.stratum, String)),
    element("td", unknown(s.offset_ns, offset)), element("td", unknown(s.error_bound_ns, duration)), element("td", unknown(s.delay_ns, duration)));
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
  tr.append(element("td", "in " + f.after_ns / 60e9 + " min"), element("td", f.uncertainty_ns === null ? "unknown: the samples are too old by then" : "±" + duration(f.uncertainty_ns)));
  return tr;
}

// draw shows the band around the local clock; a gap, where nothing was known, ends it.
function draw() {
  const known = points.filter((p) => p.half !== undefined);
  const plot = id("plot");
  plot.replaceChildren();
  if (known.length === 0) return;
  const width = 900, height = 260, from = points[0].at, to = Math.max(points[points.length - 1].at, from + 10e3);
  let low = 0, high = 0;
  for (const p of known) {
    low = Math.min(low, p.offset - p.half);
    high = Math.max(high, p.offset + p.half);
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
  let part = [];
  const end = () => {
    if (part.length > 0) {
      const above = part.map((p) => x(p.at) + "," + y(p.offset + p.half));
      const below = part.map((p) => x(p.at) + "," + y(p.offset - p.half)).reverse();
      plot.append(element("path", undefined, {d: "M" + above.concat(below).join("L") + "Z", class: "band"}));
    }
    part = [];
  };
  points.forEach((p, i) => {
    if (p.half !== undefined) {
      part.push(p);
      return;
    }
    end();
    if (i > 0 && points[i - 1].gap !== p.gap) {
      const mark = element("line", undefined, {x1: x(p.at), x2: x(p.at), y1: 0, y2: height, class: "mark"});
      mark.append(element("title", p.gap));
      plot.append(mark);
    }
  });
  end();
  id("span").textContent = "Shown: " + Math.round((points[points.length - 1].at - from) / 1000) + " s.";
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
  if (points.length > 0 && points[points.length - 1].gap !== "no connection") points.push({at: Date.now(), gap: "no connection"});
}

// listen reconnects by itself after a break, and here where a browser gives up: an answer that is no stream.
function listen() {
  const source = new EventSource("api/v1/events");
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
listen();
