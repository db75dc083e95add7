"use strict";
// The run on one time axis: lanes with zoom and pan, the phases of an incident, and what each source reported at a moment.
// `data` holds the public keys of `observer report --format json`. All times are seconds since the recording began.
(() => {
  const started = performance.now();
  const data = JSON.parse(document.getElementById("data").textContent);
  if (!data.recordings.length) return;

  const NBSP = "\u00a0";
  const RIGHT = 12, TOP = 6, MIN_SPAN_S = 0.5, DETAIL_S = 300, CLICK_PX = 4, SCROLL_REST_MS = 400;
  const SLOWEST_MS = 10000;
  const TOPS = [1, 2, 5, 10, 15, 20, 25, 30, 40, 50, 60, 80, 100];
  const $ = (id) => document.getElementById(id);
  const chart = $("chart");

  // ---- Words and numbers

  // A name may hold control characters or marks that turn the direction of the text around it.
  const clean = (text) => String(text ?? "").replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, " ").trim();
  const say = (key, fields = {}) =>
    key in data.words ? data.words[key].replace(/\{(\w+)[^{}]*\}/g, (_, name) => clean(fields[name])) : key;
  const number = (value, digits) => {
    const [whole, rest] = Math.abs(value).toFixed(digits).split(".");
    const grouped = whole.replace(/\B(?=(\d{3})+$)/g, data.words["format.thousands"]);
    return (value < 0 ? "−" : "") + grouped + (rest ? data.words["format.decimal"] + rest : "");
  };
  const seconds = (value, digits = 1) => `${number(value, digits)}${NBSP}${say("format.second")}`;
  const milliseconds = (value) => `${number(value, value < 100 ? 1 : 0)}${NBSP}${say("format.millisecond")}`;
  const known = (value, written) => (value === null || value === undefined ? say("page.not_observed") : written(value));
  const phaseName = (name) => name.split("+").map((part) => say(`phase.${part}.name`)).join(say("format.and"));
  const utc = (recording, at, digits = 0) => {
    const ms = Date.parse(recording.began_utc) + at * 1000;
    return new Date(ms).toISOString().slice(11, digits ? 20 + digits : 19);
  };
  const rows = (ids, table = "events") => {
    const sorted = [...new Set(ids.filter((id) => Number.isInteger(id)))].sort((a, b) => a - b);
    const runs = [];
    for (const id of sorted) {
      if (runs.length && id === runs.at(-1)[1] + 1) runs.at(-1)[1] = id;
      else runs.push([id, id]);
    }
    return runs.length ? `${table} ${runs.map(([a, b]) => (a === b ? a : `${a}–${b}`)).join(", ")}` : "";
  };

  // The rows that began and ended a period.
  const span = (first, last) => rows([first]) + (Number.isInteger(last) && last !== first ? ` → ${last}` : "");

  const shownBy = (proofs) => ["events", "operations", "audits"]
    .map((table) => rows(proofs.filter((one) => one.table === table).flatMap((one) => one.ids), table)).filter(Boolean).join("; ");

  // ---- Elements. Text goes in as text, never as markup.

  function put(parent, element, text) {
    if (text !== undefined) element.textContent = text;
    parent?.append(element);
    return element;
  }
  function html(parent, tag, attributes = {}, text = undefined) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return put(parent, element, text);
  }
  function svg(parent, tag, attributes = {}, text = undefined) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return put(parent, element, text);
  }
  function prose(parent, text) {
    clean(text).split("`").forEach((part, n) => (n % 2 ? html(parent, "code", {}, part) : parent.append(part)));
    return parent;
  }

  // ---- Lanes: { name, height, bars, marks }. A bar or mark with `says` is listed when the pointer is over its time.

  function lanesOf(recording, incidents) {
    const end = recording.duration_s;
    const lanes = [];
    const lane = (name, height, bars, marks = []) => {
      if (bars.length || marks.length) lanes.push({ name: clean(name), height, bars, marks });
    };
    const bar = (one, look, y, height, rest = {}) =>
      ({ from: one.from_s, to: one.to_s ?? end, look, y, height, rows: span(one.event_id, one.until_id), ...rest });
    const gone = (source, subject, y, height, by = "") =>
      recording.blindness
        .filter((one) => one.source === source && (subject === null || one.subject === subject))
        .map((one) => bar(one, "gone", y, height, {
          says: say("page.unreachable", { source: say(`component.${source}`), how: say(`how.${one.how}`) }), by }));
    const shownGaps = new Set(["postgres", "patroni", "haproxy"]);

    lane(say("drawing.incidents"), 22, incidents.map((one) =>
      ({ from: one.began_s, to: one.ended_s, look: "band", y: 3, height: 16, label: `${one.id}`, incident: one,
         tight: true, says: say("page.incident", one), rows: "" })));

    const told = [...incidents.flatMap((one) => one.told), ...recording.notes];
    const looks = { "fault.told": "fault", "repair.told": "repair" };
    lane(say("drawing.injected"), 22, [], told.map((one) =>
      ({ at: one.at_s, look: looks[one.kind] ?? "note", says: one.text, rows: rows([one.event_id]) })));

    const proofs = new Map();
    for (const one of incidents) {
      for (const proof of [...one.evidence, ...one.phases.flatMap((phase) => phase.evidence)]) {
        const at = proof.facts.at_s;
        if (at !== undefined && at !== null) {
          proofs.set(`${at} ${proof.says}`, { at, look: "tick", says: proof.says, rows: rows(proof.ids, proof.table) });
        }
      }
      for (const line of one.testimony.lines) {
        const says = say("page.log", { member: line.member, text: line.text });
        proofs.set(`${line.at_s} ${says}`, { at: line.at_s, look: "tick", says, rows: rows([line.event_id]) });
      }
    }
    lane(say("page.evidence_lane"), 20, [], [...proofs.values()].sort((a, b) => a.at - b.at));

    lane(say("page.phases"), 32, incidents.flatMap((one) => one.phases.flatMap((phase) => {
      const name = phaseName(phase.name);
      const measured = { from: phase.began_s, to: phase.ended_s, look: phase.inside ? "inside" : "outside", y: 3,
        height: 15, label: name, says: name, rows: shownBy(phase.evidence), incident: one };
      if (!phase.bound_s) return [measured];
      const [low, high] = phase.bound_s.map((bound) => phase.began_s + bound);
      return [measured, { from: low, to: Math.max(high, low), look: "bound", y: 20, height: 6 }];
    })));

    lane(say("page.key"), 24, [
      ...recording.leaderships.map((one) => {
        const timelines = [...new Set([one.timelines[0], one.timelines.at(-1)])].join("–");
        const promoted = recording.promotions.filter((own) => own.member === one.member && one.timelines.includes(own.timeline));
        return bar(one, "cell", 3, 17, { label: clean(`${one.member} · ${timelines}`), rows: rows(promoted.map((own) => own.event_id)),
          says: clean(`${one.member}, ${say("page.timeline", { n: timelines })}`) });
      }),
      ...gone("etcd", "watch", 16, 4),
    ]);
    const members = [...new Set([...recording.roles.map((one) => one.subject), ...recording.leaderships.map((one) => one.member)])].sort();
    for (const member of members) {
      lane(member, 27, [
        ...recording.roles.filter((one) => one.subject === member).map((one) =>
          bar(one, { primary: "primary", replica: "replica", away: "gone" }[one.what] ?? "other", 3, 11, { says: say(`drawing.${one.what}`) })),
        ...recording.leaderships.filter((one) => one.member === member).map((one) => bar(one, "key", 15, 4)),
        ...gone("postgres", member, 20, 4),
        ...gone("patroni", member, 20, 4),
      ]);
    }
    lane(say("drawing.quorum"), 20, recording.quorum.map((one) => bar(one, "bad", 4, 12, { says: say("drawing.quorum") })));
    const subjects = [...new Set(recording.blindness.map((one) => JSON.stringify([one.source, one.subject])))].sort();
    for (const [source, subject] of subjects.map((one) => JSON.parse(one))) {
      if (source === "etcd" && subject === "watch") continue;
      if (shownGaps.has(source) && (source === "haproxy" || members.includes(subject))) continue;
      const name = recording.names[subject] || subject;
      lane(name.startsWith(source) ? name : `${source} ${name}`, 20, gone(source, subject, 4, 12));
    }
    for (const route of [...new Set(recording.routes.map((one) => one.subject))].sort()) {
      lane(`UP ${route}`, 20, recording.routes.filter((one) => one.subject === route).map((one) =>
        bar(one, "up", 4, 12, { says: say("drawing.server_up") })));
    }
    if (recording.blindness.some((one) => one.source === "haproxy")) lane("HAProxy", 20, gone("haproxy", null, 4, 12));
    lane(say("drawing.full"), 22, recording.crowds.map((one) => bar(one, "limit", 3, 15, { label: one.what, says: one.what })));
    return lanes;
  }

  // Columns of the whole recording, and those of incidents (a second each) where they are.
  function columnsOf(recording, incidents, action) {
    const own = (pace) => pace.filter((one) => one.action === action)
      .map((one) => ({ ...one, from: one.at_s, to: one.at_s + one.width_s }));
    const fine = new Map(incidents.flatMap((one) => own(one.pace)).map((one) => [one.at_s, one]));
    const covered = incidents.map((one) => own(one.pace)).filter((pace) => pace.length)
      .map((pace) => [pace[0].from, pace.at(-1).to]);
    const coarse = own(recording.pace);
    const beside = coarse.flatMap((one) =>
      covered.reduce((parts, [begin, end]) => parts.flatMap((part) => [
        { ...part, to: Math.min(part.to, begin) }, { ...part, from: Math.max(part.from, end) },
      ].filter((own) => own.from < own.to)), [one]));
    const detail = [...fine.values(), ...beside].sort((a, b) => a.from - b.from);
    return { coarse, detail };
  }
  const rate = (one, end) => (one.ok + one.failed + one.unknown) / Math.max(Math.min(one.width_s, end - one.at_s), 0.001);

  // ---- State

  let recording, incidents, lanes, columns, from, to, left, width, axis, chosen = null, pinned = null, cursor = null;
  let pending = false;
  const x = (at) => left + ((at - from) / (to - from)) * (width - left - RIGHT);
  const timeAt = (px) => from + ((px - left) / (width - left - RIGHT)) * (to - from);

  function open(one) {
    recording = one;
    incidents = data.incidents.filter((own) => own.recording === one.id);
    lanes = lanesOf(recording, incidents);
    columns = Object.fromEntries(["write", "read"].map((action) => [action, columnsOf(recording, incidents, action)]));
    const rates = Object.values(columns).flatMap((own) => own.coarse).map((own) => rate(own, recording.duration_s));
    const most = Math.max(1, ...rates), scale = 10 ** Math.max(Math.floor(Math.log10(most)) - 1, 0);
    axis = TOPS.map((top) => top * scale).find((top) => top >= most);
    chosen = pinned = cursor = null;
    const until = utc(one, one.duration_s), day = one.began_utc.slice(0, 10);
    $("scope").textContent = clean(one.scope ?? "observer");
    $("when").textContent = `${day} ${utc(one, 0)}–${until} UTC`;
    $("chips").replaceChildren();
    for (const own of incidents) {
      const chip = html($("chips"), "button", { title: say("page.incident", own), "aria-label": say("page.incident", own), "data-incident": own.id }, `${own.id}`);
      chip.addEventListener("click", () => choose(own, true));
    }
    for (const button of $("recordings").children) button.setAttribute("aria-pressed", button.dataset.id === `${one.id}`);
    $("incident").hidden = true;
    show(0, recording.duration_s);
    legend();
    moment();
  }

  function show(low, high) {
    const whole = Math.max(recording.duration_s, MIN_SPAN_S);
    const span = Math.min(Math.max(high - low, MIN_SPAN_S), whole);
    from = Math.min(Math.max(low + (high - low - span) / 2, 0), whole - span);
    to = from + span;
    redraw();
  }
  function zoom(factor, at = (from + to) / 2) {
    show(at - (at - from) * factor, at + (to - at) * factor);
  }
  const pan = (part) => show(from + (to - from) * part, to + (to - from) * part);
  const whole = () => show(0, recording.duration_s);
  function redraw() {
    if (pending) return;
    pending = true;
    requestAnimationFrame(() => {
      pending = false;
      draw();
    });
  }

  // ---- Drawing

  const canvas = document.createElement("canvas").getContext("2d");
  canvas.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const wide = (text) => canvas.measureText(text).width;
  function cut(text, room) {
    if (wide(text) <= room) return text;
    let kept = text;
    while (kept && wide(`${kept}…`) > room) kept = kept.slice(0, -1);
    return kept ? `${kept}…` : "";
  }

  function draw() {
    width = Math.max(chart.clientWidth, 320);
    const names = [...lanes.map((lane) => lane.name), ...["writes", "reads"].map((name) => say(`drawing.${name}`)), say("page.slowest")];
    left = Math.min(Math.ceil(Math.max(...names.map(wide))) + 12, width * 0.25);
    const room = width - RIGHT;
    const root = svg(null, "svg", { role: "img" });
    const defs = svg(root, "defs");
    for (const [name, tilt] of [["hatch", 45], ["gone", 45]]) {
      const pattern = svg(defs, "pattern", { id: name, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: `rotate(${tilt})` });
      svg(pattern, "rect", { class: `${name}-${name === "hatch" ? "ink" : "paper"}`, width: 6, height: 6 });
      svg(pattern, "rect", { class: `${name}-${name === "hatch" ? "paper" : "ink"}`, width: 2, height: 6 });
    }
    const clip = svg(svg(defs, "clipPath", { id: "inside" }), "rect", { x: left, y: 0, width: room - left });
    const back = svg(root, "g", { "clip-path": "url(#inside)" });
    const lines = svg(root, "g");
    const body = svg(root, "g", { "clip-path": "url(#inside)" });
    const words = svg(root, "g");
    let y = TOP;
    for (const lane of lanes) {
      svg(words, "text", { x: left - 8, y: y + Math.min(lane.height, 23) / 2 + 3, "text-anchor": "end" }, cut(lane.name, left - 12));
      drawBars(lane, y, body);
      for (const one of lane.marks.filter((own) => own.at >= from && own.at <= to)) drawMark(one, x(one.at), y + lane.height / 2, body);
      y += lane.height;
      svg(lines, "line", { class: "grid", x1: left, x2: room, y1: y - 0.5, y2: y - 0.5 });
    }
    for (const action of ["write", "read"]) y = drawRates(action, y + 10, 52, body, words, lines);
    y = drawLatency(y + 12, 62, body, words, lines);
    const bottom = y + 4;
    drawAxis(bottom, lines, words);
    for (const one of incidents) {
      const begin = x(one.began_s);
      svg(back, "rect", { class: one === chosen ? "band chosen" : "band", x: begin, y: 0, width: Math.max(x(one.ended_s) - begin, 2), height: bottom, opacity: one === chosen ? 0.35 : 0.5 });
    }
    for (const one of recording.slept) {
      svg(body, "rect", { class: "gone", x: x(one.from_s), y: TOP, width: Math.max(x(one.to_s) - x(one.from_s), 2), height: bottom - TOP, opacity: 0.7 });
    }
    svg(root, "line", { id: "cursor", class: "cursor", y1: 0, y2: bottom, visibility: "hidden" });
    clip.setAttribute("height", bottom + 1);
    root.setAttribute("viewBox", `0 0 ${width} ${bottom + 36}`);
    chart.replaceChildren(root);
    $("moment").style.height = `${chart.parentElement.clientHeight}px`;
    drawCursor();
  }

  function drawBars(lane, y, body) {
    let free = -Infinity;
    for (const bar of lane.bars) {
      if (bar.to < from || bar.from > to) continue;
      const begin = Math.max(x(bar.from), left - 5), end = Math.min(x(bar.to), width);
      const look = bar.incident && bar.incident === chosen && bar.look === "band" ? "band chosen" : bar.look;
      const broad = Math.max(end - begin, 2);
      const shape = svg(body, "rect", { class: look, x: begin, y: y + bar.y, width: broad, height: bar.height, rx: Math.min(2, broad / 2) });
      if (bar.incident) shape.dataset.incident = bar.incident.id;
      if (!bar.label) continue;
      const seen = Math.max(begin, left), middle = y + bar.y + bar.height / 2 + 4;
      if (bar.tight) { // a number may stand beyond its bar if there is room
        if (seen >= free) svg(body, "text", { x: seen + 2, y: middle, "font-weight": 600 }, bar.label);
        free = seen >= free ? seen + wide(bar.label) + 5 : free;
        continue;
      }
      const text = cut(bar.label, end - seen - 6);
      if (text.length > 1 || text === bar.label) svg(body, "text", { x: seen + 4, y: middle, class: bar.look === "inside" ? "on" : "" }, text);
    }
  }

  function drawMark(one, at, y, body) {
    if (one.look === "tick") svg(body, "line", { class: "tick", x1: at, x2: at, y1: y - 6, y2: y + 6 });
    else if (one.look === "note") svg(body, "path", { class: "note", d: `M${at - 5} ${y}l5 -5 5 5 -5 5z` });
    else svg(body, "path", { class: one.look, d: one.look === "fault" ? `M${at - 6} ${y - 5}h12l-6 11z` : `M${at - 6} ${y + 5}h12l-6 -11z` });
  }

  const visible = (own) => {
    const shown = to - from > DETAIL_S ? own.coarse : own.detail;
    return shown.filter((one) => one.from < to && one.to > from);
  };

  function drawRates(action, y, height, body, words, lines) {
    svg(words, "text", { x: left - 8, y: y + height / 2 + 4, "text-anchor": "end" }, say(`drawing.${action}s`));
    svg(words, "text", { class: "faint", x: left - 8, y: y + 8, "text-anchor": "end" }, say("drawing.per_second", { n: axis }));
    for (const at of [y, y + height]) svg(lines, "line", { class: at === y ? "grid" : "edge", x1: left, x2: width - RIGHT, y1: at, y2: at });
    let ok = "", bad = "";
    for (const one of visible(columns[action])) {
      const all = one.ok + one.failed + one.unknown;
      if (!all) continue;
      const begin = x(one.from), broad = Math.max(x(one.to) - begin - 0.6, 0.8);
      const tall = Math.min(rate(one, recording.duration_s) / axis, 1) * height, good = (tall * one.ok) / all;
      const box = (low, high) => `M${begin.toFixed(1)} ${(y + height - low).toFixed(1)}h${broad.toFixed(1)}v${(low - high).toFixed(1)}h${(-broad).toFixed(1)}z`;
      if (good) ok += box(0, good);
      if (good < tall) bad += box(good, tall);
    }
    svg(body, "path", { class: "ok", d: ok });
    svg(body, "path", { class: "bad", d: bad });
    for (const one of recording.unobserved.filter((own) => own.action === action)) {
      svg(body, "rect", { class: "gone", x: x(one.from_s), y, width: Math.max(x(one.to_s) - x(one.from_s), 2), height });
    }
    return y + height;
  }

  const slowest = (one) => one.ok_ms ?? one.max_ms;
  function drawLatency(y, height, body, words, lines) {
    const place = (ms) => y + height - (Math.log10(Math.min(Math.max(ms, 1), SLOWEST_MS)) / Math.log10(SLOWEST_MS)) * height;
    svg(words, "text", { x: left - 8, y: y + height / 2 + 4, "text-anchor": "end" }, cut(say("page.slowest"), left - 12));
    for (const ms of [1, 100, SLOWEST_MS]) {
      svg(lines, "line", { class: ms === 1 ? "edge" : "grid", x1: left, x2: width - RIGHT, y1: place(ms), y2: place(ms) });
      const text = ms < 1000 ? `${ms}${NBSP}${say("format.millisecond")}` : `${ms / 1000}${NBSP}${say("format.second")}`;
      svg(words, "text", { class: "faint halo", x: left + 3, y: place(ms) + (ms === SLOWEST_MS ? 11 : -3) }, text);
    }
    for (const action of ["write", "read"]) {
      let path = "", joined = false;
      for (const one of visible(columns[action])) {
        const ms = slowest(one);
        if (ms > 0) {
          path += `${joined ? "L" : "M"}${x((one.from + one.to) / 2).toFixed(1)} ${place(ms).toFixed(1)}${joined ? "" : "h0.1"}`;
        }
        joined = ms > 0;
      }
      svg(body, "path", { class: `latency ${action}`, "stroke-linecap": "round", d: path });
    }
    return y + height;
  }

  function stepOf(span) {
    const rough = span / Math.max((width - left) / 90, 2), scale = 10 ** Math.floor(Math.log10(rough));
    return [1, 2, 5, 10].map((one) => one * scale).find((one) => one >= rough);
  }
  function drawAxis(bottom, lines, words) {
    const step = stepOf(to - from), digits = step < 1 ? Math.ceil(-Math.log10(step)) : 0;
    for (let n = Math.ceil(from / step); n * step <= to + 1e-9; n++) {
      const at = x(n * step), anchor = at > width - 34 ? "end" : at < left + 26 ? "start" : "middle";
      svg(lines, "line", { class: "grid", x1: at, x2: at, y1: 0, y2: bottom });
      svg(words, "text", { class: "faint", x: at, y: bottom + 14, "text-anchor": anchor }, seconds(n * step, digits));
      svg(words, "text", { class: "faint", x: at, y: bottom + 30, "text-anchor": anchor }, utc(recording, n * step, Math.min(digits, 3)));
    }
    svg(words, "text", { class: "faint", x: left - 8, y: bottom + 30, "text-anchor": "end" }, "UTC");
  }

  function drawCursor() {
    const at = pinned ?? cursor, line = $("cursor");
    if (!line) return;
    const inside = at !== null && at >= from && at <= to;
    line.setAttribute("visibility", inside ? "visible" : "hidden");
    if (inside) for (const end of ["x1", "x2"]) line.setAttribute(end, x(at));
  }

  function legend() {
    const looks = new Set(lanes.flatMap((lane) => [...lane.bars, ...lane.marks].map((one) => one.look)));
    const all = { band: "incident_band", primary: "primary", replica: "replica", key: "leader_key", gone: "away", bad: null, up: "server_up",
      limit: "full", inside: "inside", outside: "outside", bound: "bound" };
    $("legend").replaceChildren();
    const add = (look, phrase, sign) => {
      const span = html($("legend"), "span");
      if (sign) html(span, "b", { class: look }, sign);
      else html(span, "i", { class: `swatch ${look}` });
      span.append(say(`drawing.${phrase}`));
    };
    for (const [look, phrase] of Object.entries(all)) if (phrase && looks.has(look)) add(look, phrase);
    add("ok", "ok");
    add("bad", "failed");
    if (looks.has("fault")) add("fault", "fault", "▼");
    if (looks.has("repair")) add("repair", "repair", "▲");
    add("line write", "slowest_write");
    add("line read", "slowest_read");
  }

  // ---- What each source reported at a moment

  function moment() {
    const at = pinned ?? cursor, panel = $("moment");
    panel.replaceChildren();
    panel.classList.toggle("pinned", pinned !== null);
    html(panel, "h2", {}, at === null ? say("page.moment") : `${seconds(at, 2)} · ${utc(recording, at, 2)} UTC`);
    html(panel, "p", {}, pinned !== null ? say("page.stopped") : at === null ? "" : say("page.moment"));
    if (at === null) return;
    const list = html(panel, "dl");
    const line = (name, text, ids) => {
      if (name) html(list, "dt", {}, name);
      else html(list, "dt");
      const value = prose(html(list, "dd"), text);
      if (ids) value.append(" "), html(value, "span", { class: "rows" }, ids);
    };
    const near = Math.max(((to - from) / (width - left)) * 5, 0.05);
    for (const lane of lanes) {
      const bars = lane.bars.filter((one) => one.says && one.from <= at && at < one.to);
      const marks = lane.marks.filter((one) => Math.abs(one.at - at) <= near);
      const found = [...bars, ...marks.map((one) => ({ ...one, says: `${seconds(one.at, 2)} ${one.says}` }))];
      found.forEach((one, n) => line(n ? "" : lane.name, one.says, one.rows));
    }
    if (!recording.leaderships.some((one) => one.from_s <= at && at < (one.to_s ?? Infinity))) line(say("page.key"), say("page.free"));
    for (const action of ["write", "read"]) {
      const one = visible(columns[action]).find((own) => own.from <= at && at < own.to);
      if (!one) continue;
      const counts = [`${one.ok} ${say("drawing.ok")}`, `${one.failed + one.unknown} ${say("page.failed")}`];
      const span = seconds(one.width_s, Number.isInteger(one.width_s) ? 0 : 1);
      line(say(`drawing.${action}s`), `${counts.join(", ")} / ${span}; ${say("page.slowest")} ${slowest(one) ? milliseconds(slowest(one)) : "—"}`);
    }
    const capture = recording.captures.filter((one) => one.members.length && one.at_s <= at).at(-1);
    if (!capture) return;
    html(panel, "p", {}, say("page.capture", { at: seconds(capture.at_s) }));
    const states = html(panel, "dl");
    for (const member of capture.members) {
      html(states, "dt", {}, clean(member.name));
      html(states, "dd", {}, clean([member.role, member.state, member.timeline && say("page.timeline", { n: member.timeline })].filter(Boolean).join(", ")));
    }
    html(panel, "span", { class: "rows" }, rows([capture.members_id, capture.pools_id]));
  }

  // ---- An incident and its phases

  function choose(one, fit) {
    chosen = one;
    for (const chip of $("chips").children) chip.setAttribute("aria-pressed", chip.dataset.incident === `${one?.id}`);
    if (one && fit) {
      const ends = one.phases.flatMap((phase) => [phase.ended_s, phase.began_s + (phase.bound_s?.[1] ?? 0)]);
      const last = Math.max(one.ended_s, ...ends), first = Math.min(one.began_s, ...one.phases.map((phase) => phase.began_s));
      const margin = Math.max((last - first) * 0.08, 2);
      show(first - margin, last + margin);
    } else redraw();
    details();
  }

  function cost(parent, name, text) {
    const fact = html(parent, "span", { class: "fact" }, `${name} `);
    html(fact, "b", {}, text);
  }

  // Durations to 0.01 s whose sum over the phases of the outage is the outage as it is printed.
  function printed(phases) {
    let offset = 0;
    return phases.map((phase) => {
      if (!phase.inside) return phase.seconds;
      const before = Math.round(offset * 100);
      offset += phase.seconds;
      return (Math.round(offset * 100) - before) / 100;
    });
  }

  function details() {
    const panel = $("incident"), one = chosen;
    panel.hidden = !one;
    panel.replaceChildren();
    if (!one) return;
    prose(html(panel, "h2"), say("page.incident", one));
    const facts = html(panel, "p");
    const down = (own) => known(own.outage_s, (value) => (own.open ? "≥ " : "") + seconds(value));
    cost(facts, say("page.writes_down"), down(one.write));
    cost(facts, say("page.reads_down"), down(one.read));
    cost(facts, say("page.failed"), number(one.write.failed + one.write.unknown + one.read.failed + one.read.unknown, 0));
    cost(facts, say("page.lost"), known(one.lost_writes, (value) => number(value, 0)));
    const { before, after, timeline_before, timeline_after } = leaderOf(one);
    cost(facts, say("page.leader"), clean(before === after ? before : `${before} → ${after}`) + ", " +
      say("page.timeline", { n: timeline_before === timeline_after ? timeline_after : `${timeline_before} → ${timeline_after}` }));
    html(facts, "a", { href: `#incident-${one.id}` }, say("page.in_report"));
    if (one.phases.length) phaseTable(one, panel);
    else html(panel, "p", {}, say("page.no_phases"));
    listed(panel, say("page.fault"), one.told.map((own) => [own.at_s, own.text, rows([own.event_id])]));
    const proofs = new Map(one.evidence.map((own) => [own.says, [own.facts.at_s, own.says, rows(own.ids, own.table)]]));
    listed(panel, say("page.evidence"), [...proofs.values()]);
  }
  const leaderOf = (one) => Object.fromEntries(Object.entries(one.leader).map(([name, value]) => [name, value ?? "—"]));

  function listed(panel, title, items) {
    if (!items.length) return;
    html(panel, "h3", {}, title);
    const list = html(panel, "ul");
    for (const [at, text, ids] of items) {
      const item = html(list, "li");
      if (at !== undefined && at !== null) item.append(`${seconds(at, 2)}  `);
      prose(item, text);
      item.append(" ");
      html(item, "span", { class: "rows" }, ids);
    }
  }

  function phaseTable(one, panel) {
    const first = Math.min(...one.phases.map((phase) => phase.began_s));
    const last = Math.max(...one.phases.map((phase) => Math.max(phase.ended_s, phase.began_s + (phase.bound_s?.[1] ?? 0))));
    const part = (value) => `${(((value - first) / Math.max(last - first, 0.001)) * 100).toFixed(2)}%`;
    const size = (value) => `${((value / Math.max(last - first, 0.001)) * 100).toFixed(2)}%`;
    const table = html(panel, "table", { id: "phases" });
    const head = html(html(table, "thead"), "tr");
    for (const name of ["phase", "measured", "bound", "window"]) html(head, "th", {}, say(`page.${name}`));
    head.children[0].after(html(null, "th", {}, ""));
    html(head, "th", {}, say("page.evidence"));
    const body = html(table, "tbody"), durations = printed(one.phases);
    const stated = new Set(); // what ends a phase begins the next one, and is said once
    one.phases.forEach((phase, n) => {
      const row = html(body, "tr");
      html(row, "td", { title: say(`phase.${phase.name}.meaning`) }, phaseName(phase.name));
      const track = html(html(row, "td", { class: "line" }), "div", { class: "track" });
      const piece = (look, begin, length, top, height) =>
        Object.assign(html(track, "i", { class: look }).style, { left: part(begin), width: size(length), top: `${top}px`, height: `${height}px` });
      piece(phase.inside ? "inside" : "outside", phase.began_s, phase.ended_s - phase.began_s, 1, 11);
      if (phase.bound_s) piece("bound", phase.began_s + phase.bound_s[0], phase.bound_s[1] - phase.bound_s[0], 14, 5);
      html(row, "td", {}, seconds(durations[n], 2));
      html(row, "td", {}, phase.bound_s ? `${number(phase.bound_s[0], 1)}–${seconds(phase.bound_s[1])}` : "—");
      html(row, "td", {}, `${number(phase.shortest_s, 2)}–${seconds(phase.longest_s, 2)}`);
      const proofs = html(row, "td");
      for (const proof of phase.evidence.filter((own) => !stated.has(own.says))) {
        stated.add(proof.says);
        const line = prose(html(proofs, "div"), proof.says);
        line.append(" ");
        html(line, "span", { class: "rows" }, rows(proof.ids, proof.table));
      }
    });
  }

  // ---- Pointer, wheel and keyboard

  let press = null, scrolled = -Infinity;
  const pixel = (event) => ((event.clientX - chart.getBoundingClientRect().left) * width) / chart.clientWidth;
  window.addEventListener("scroll", () => (scrolled = performance.now()), { passive: true });
  chart.addEventListener("wheel", (event) => {
    const out = event.deltaY > 0, everything = to - from >= recording.duration_s - 1e-6;
    const passing = (out && everything) || performance.now() - scrolled < SCROLL_REST_MS; // the page is being scrolled past
    const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (passing && !sideways && !event.ctrlKey) return;
    event.preventDefault();
    if (sideways) pan(event.deltaX / (width - left));
    else zoom(Math.exp(Math.max(-240, Math.min(240, event.deltaY)) * 0.002), timeAt(pixel(event)));
  }, { passive: false });
  chart.addEventListener("pointerdown", (event) => {
    if (event.button === 0) press = { px: pixel(event), from, to, moved: false, target: event.target };
  });
  chart.addEventListener("pointermove", (event) => {
    const px = pixel(event);
    if (press && Math.abs(px - press.px) > CLICK_PX && !press.moved) {
      press.moved = true;
      chart.setPointerCapture(event.pointerId);
      chart.classList.add("dragged");
    }
    if (press?.moved) {
      const shift = ((press.px - px) / (width - left - RIGHT)) * (press.to - press.from);
      show(press.from + shift, press.to + shift);
      return;
    }
    cursor = px >= left ? timeAt(px) : null;
    drawCursor();
    if (pinned === null) moment();
  });
  const release = () => {
    press = null;
    chart.classList.remove("dragged");
  };
  chart.addEventListener("pointerup", (event) => {
    const clicked = press && !press.moved, target = press?.target;
    release();
    if (clicked && pixel(event) >= left) click(timeAt(pixel(event)), target);
  });
  chart.addEventListener("pointercancel", release);
  chart.addEventListener("pointerleave", () => {
    cursor = null;
    drawCursor();
  });
  function click(at, target) {
    pinned = pinned === null ? at : null;
    const named = incidents.find((one) => `${one.id}` === target?.dataset?.incident);
    const covering = named ?? incidents.find((one) => one.began_s <= at && at <= one.ended_s);
    if (covering && covering !== chosen) {
      pinned = at;
      choose(covering, Boolean(named));
    }
    drawCursor();
    moment();
  }
  chart.addEventListener("dblclick", (event) => {
    event.preventDefault();
    zoom(0.4, timeAt(pixel(event)));
  });
  document.addEventListener("keydown", (event) => {
    const own = event.target === chart || event.target === document.body;
    if (!own || event.ctrlKey || event.metaKey || event.altKey) return;
    const part = event.shiftKey ? 0.5 : 0.1;
    const keys = { ArrowLeft: () => pan(-part), ArrowRight: () => pan(part), "+": () => zoom(0.7), "=": () => zoom(0.7), "-": () => zoom(1 / 0.7),
      Home: whole, Escape: () => { pinned = null; choose(null, false); moment(); drawCursor(); } };
    if (!keys[event.key]) return;
    if (event.target === chart) event.preventDefault();
    keys[event.key]();
  });
  $("narrow").addEventListener("click", () => zoom(0.6));
  $("wide").addEventListener("click", () => zoom(1 / 0.6));
  $("whole").addEventListener("click", whole);

  // ---- The document below: its contents, and the way from an incident in it to the axis

  document.querySelectorAll("main h2").forEach((heading, n) => {
    heading.id ||= `section-${n + 1}`;
    html($("contents"), "a", { href: `#${heading.id}` }, heading.textContent);
  });
  for (const one of data.incidents) {
    const anchor = $(`incident-${one.id}`);
    if (!anchor) continue;
    const button = html(null, "button", { class: "axis", title: say("page.on_axis"), "aria-label": say("page.on_axis") }, "↑");
    button.addEventListener("click", () => {
      if (recording.id !== one.recording) open(data.recordings.find((own) => own.id === one.recording));
      choose(one, true);
      $("view").scrollIntoView();
    });
    (anchor.parentElement.tagName === "P" ? anchor : anchor.parentElement).append(button);
  }
  // A link into a folded part opens it.
  const unfold = () => {
    let part = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
  };
  window.addEventListener("hashchange", unfold);
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const part of folded) part.open = true;
  });
  window.addEventListener("afterprint", () => folded.forEach((part) => (part.open = false)));

  $("view").hidden = false;
  if (data.recordings.length > 1) {
    for (const one of data.recordings) {
      const button = html($("recordings"), "button", { "data-id": one.id }, say("page.recording", one));
      button.addEventListener("click", () => open(one));
    }
  }
  open(data.recordings[0]);
  draw();
  new ResizeObserver(redraw).observe(chart);
  unfold();
  document.documentElement.dataset.ready = `${Math.round(performance.now() - started)}`;
})();
