// The step player: shows the pages that player.py describes. Text from outside is only ever set as text.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const { pages, variables, arrays, training } = data;
  const svg = document.querySelector("#picture svg");
  const SVG = "http://www.w3.org/2000/svg";
  const MOST = 28; // rows and columns of a heat-map
  const SHOWN = [8, 6]; // rows and columns of numbers in the box that follows the mouse

  // -- making elements

  function filled(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }
  const html = (tag, attributes = {}, ...children) => filled(document.createElement(tag), attributes, children);
  const drawn = (tag, attributes = {}, ...children) =>
    filled(document.createElementNS(SVG, tag), attributes, children);

  function digits(x, significant = 3) {
    if (typeof x === "string") return x; // nan, ∞, −∞
    const size = Math.abs(x);
    const text = size >= 1e3 && size < 1e6 ? x.toFixed(0) : size && size < 1e-3 ? x.toExponential(1) :
      String(Number(x.toPrecision(significant)));
    return text.replace("e+", "e").replaceAll("-", "−");
  }

  // -- arrays

  // A matrix of at most MOST rows and columns: of a larger one, the most extreme of each block.
  function blocks(array) {
    const rows = Math.min(array.rows, MOST), columns = Math.min(array.columns, MOST);
    const cells = Array.from({ length: rows }, () => Array(columns).fill(0));
    array.cells.forEach((x, at) => {
      const i = Math.floor(at / array.columns), j = at % array.columns;
      const row = cells[Math.floor((i * rows) / array.rows)], k = Math.floor((j * columns) / array.columns);
      if (typeof row[k] === "string") return;
      if (typeof x === "string" || Math.abs(x) > Math.abs(row[k])) row[k] = x;
    });
    return cells;
  }

  const magnitude = (array) => Math.max(0, ...array.cells.map((x) => (typeof x === "string" ? 0 : Math.abs(x))));

  // Cells of an array in a rectangle: colours, and numbers where there is room for them.
  function cellsIn(array, box, scale) {
    const grid = blocks(array), { written } = array;
    const group = drawn("g", { class: "cells" }, drawn("rect", { ...box, class: "paper" }));
    const width = box.width / grid[0].length, height = box.height / grid.length;
    grid.forEach((row, i) => row.forEach((x, j) => {
      const left = box.x + j * width, top = box.y + i * height;
      const share = typeof x === "string" ? 0 : Math.min(1, Math.abs(x) / (scale || 1));
      group.append(drawn("rect", {
        x: left, y: top, width, height, class: x < 0 ? "negative" : "positive",
        "fill-opacity": (written ? 0.5 : 1) * share,
      }));
      if (written || typeof x === "string") {
        const size = written ? Math.min(16, height * 0.7) : Math.min(width, height);
        const label = drawn("text", {
          x: left + width / 2, y: top + height / 2, "font-size": size, "text-anchor": "middle",
          "dominant-baseline": "central",
        });
        label.textContent = written ? digits(x) : "×";
        group.append(label);
      }
    }));
    return group;
  }

  // An array as a picture of its own.
  function picture(array, scale) {
    const cell = (n) => (array.written ? 0 : Math.max(1, Math.min(16, 96 / n)));
    const rows = Math.min(array.rows, MOST), columns = Math.min(array.columns, MOST);
    const width = columns * (cell(columns) || 76), height = rows * (cell(rows) || 24);
    const image = drawn("svg", {
      viewBox: `-1 -1 ${width + 2} ${height + 2}`, width: width + 2, height: height + 2, "aria-hidden": "true",
      class: "array",
    });
    image.append(cellsIn(array, { x: 0, y: 0, width, height }, scale));
    image.append(drawn("rect", { x: 0, y: 0, width, height, class: "frame" }));
    return image;
  }

  function numbers(array, rows = Infinity, columns = Infinity) {
    const body = html("tbody");
    for (let i = 0; i < Math.min(rows, array.rows); i++) {
      const row = array.cells.slice(i * array.columns, (i + 1) * array.columns);
      const more = row.length > columns ? [html("td", {}, "…")] : [];
      body.append(html("tr", {}, ...row.slice(0, columns).map((x) => html("td", {}, digits(x))), ...more));
    }
    if (array.rows > rows) body.append(html("tr", {}, html("td", {}, "⋮")));
    return html("table", { class: "numbers" }, body);
  }

  const size = (array) => (array.shape ? `${array.shape}, ` : "");
  const summary = (array) => `${size(array)}mean ${digits(array.mean)}, ‖·‖ ${digits(array.norm)}`;

  function titled(text, array) {
    const note = array.note ? [html("div", { class: "small" }, array.note)] : [];
    return [html("div", {}, html("strong", {}, text), ` ${array.cells.length > 1 ? summary(array) : ""}`), ...note];
  }

  // -- the picture

  const parts = new Map(); // mark → the elements that bear it
  for (const page of pages) {
    for (const mark of [...page.new, ...page.now]) {
      if (parts.has(mark) || !svg) continue;
      const inside = byId(`a_${mark}`);
      parts.set(mark, [...svg.getElementsByClassName(mark), ...(inside ? [inside] : [])]);
    }
  }

  function room(id, array, scale) {
    const place = byId(`a_${id}`);
    if (!place || place.dataset.array === String(array)) return;
    place.dataset.array = String(array);
    place.querySelector(".cells")?.remove();
    const corners = place.querySelector("polygon")?.getAttribute("points").trim().split(/\s+/)
      .map((point) => point.split(",").map(Number));
    if (array === undefined || !corners) return;
    const xs = corners.map((c) => c[0]), ys = corners.map((c) => c[1]);
    const box = { x: Math.min(...xs), y: Math.min(...ys) };
    box.width = Math.max(...xs) - box.x;
    box.height = Math.max(...ys) - box.y;
    place.append(cellsIn(arrays[array], box, scale));
  }

  // -- where we are

  let at = 0;
  let known = [new Map(), new Map()]; // variable → array: values, gradients

  function state(k) {
    const seen = new Set(), found = [new Map(), new Map()];
    for (const page of pages.slice(0, k + 1)) {
      page.new.forEach((mark) => seen.add(mark));
      page.known.forEach(([which, v, array]) => found[which].set(v, array));
    }
    return [seen, found];
  }

  function show(k) {
    at = Math.max(0, Math.min(pages.length - 1, k));
    const page = pages[at];
    let seen;
    [seen, known] = state(at);
    for (const [mark, elements] of parts) {
      const early = !seen.has(mark), now = page.now.includes(mark);
      for (const element of elements) {
        element.classList.toggle("pale", early && "vo".includes(mark[0]));
        element.classList.toggle("absent", early && !"vo".includes(mark[0]));
        element.classList.toggle("now", now);
      }
    }
    variables.forEach((v, k) => {
      room(`n${k}`, known[0].get(k), v.scales[0]);
      room(`h${k}`, known[1].get(k), v.scales[1]);
    });
    byId("slider").value = at;
    byId("slider").setAttribute("aria-valuetext", `${at + 1} of ${pages.length}: ${page.said}`);
    byId("count").textContent = `${at + 1} / ${pages.length}`;
    byId("said").textContent = page.said;
    byId("title").textContent = page.title;
    const rows = [...document.querySelectorAll("#steps tbody tr")];
    byId("formula").replaceChildren(...copied(rows[at].querySelector(".formula")));
    byId("arrays").replaceChildren(...page.parts.map(figure));
    mark(rows, at, "step");
    const lines = [...document.querySelectorAll("#sheet tr[data-equation]")];
    mark(lines, lines.findIndex((line) => Number(line.dataset.equation) === page.equation), "true");
    for (const name of ["first", "back"]) byId(name).setAttribute("aria-disabled", at === 0);
    for (const name of ["next", "last"]) byId(name).setAttribute("aria-disabled", at === pages.length - 1);
    follow(page);
  }

  const copied = (element) => [...element.childNodes].map((child) => child.cloneNode(true));

  function mark(elements, which, current) {
    elements.forEach((element, k) => {
      element.classList.toggle("now", k === which);
      if (k === which) element.setAttribute("aria-current", current);
      else element.removeAttribute("aria-current");
    });
  }

  function figure(part) {
    const array = part.array === null ? null : arrays[part.array];
    const label = html("b", {}, ...copied(byId("labels").children[part.label]));
    const caption = html("figcaption", {}, html("span", { class: "role" }, part.role), label);
    if (!array) return html("figure", { class: part.kind }, caption);
    const note = [part.note, array.cells.length > 1 ? summary(array) : "", array.note].filter(Boolean);
    caption.append(...note.map((line) => html("span", { class: "small" }, line)));
    const scale = part.scale || magnitude(array);
    return html("figure", { class: part.kind }, caption, array.cells.length ? picture(array, scale) : "");
  }

  // Where the picture is larger than its window, what the step is about stays in sight.
  function follow(page) {
    const window_ = byId("picture"), node = page.now.flatMap((m) => (m[0] === "v" ? parts.get(m) || [] : []))[0];
    if (!node || window_.scrollWidth <= window_.clientWidth) return;
    const inner = node.getBoundingClientRect(), outer = window_.getBoundingClientRect();
    window_.scrollLeft += inner.left + inner.width / 2 - outer.left - outer.width / 2;
  }

  // -- one variable

  function aboutArrays(v) {
    return ["value", "gradient"].flatMap((word, which) => {
      const array = known[which].get(v);
      return array === undefined ? [] : [[which ? variables[v].gradient : word, arrays[array], which]];
    });
  }

  function detail(v) {
    const variable = variables[v];
    const lines = variable.equations.flatMap((number) => {
      const line = document.querySelector(`#sheet tr[data-equation="${number}"]`);
      if (!line) return [];
      const copy = line.cloneNode(true);
      copy.removeAttribute("data-equation");
      copy.removeAttribute("aria-current");
      copy.classList.remove("now");
      return [copy];
    });
    const table = html("table", { class: "chalkgrad-sheet" }, html("tbody", {}, ...lines));
    const shown = aboutArrays(v).flatMap(([word, array, which]) => [
      ...titled(word, array), picture(array, variable.scales[which]),
      html("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `${word}, numbers` }, numbers(array)),
    ]);
    const close = html("button", { type: "button" }, "Close");
    close.addEventListener("click", () => {
      byId("detail").hidden = true;
      svg?.querySelector(`.node.v${v}`)?.focus();
    });
    const box = byId("detail");
    box.replaceChildren(
      html("h2", { tabindex: -1 }, variable.name), close, html("p", { class: "small" }, variable.about),
      lines.length ? table : html("p", {}, "On no line of the sheet."), ...shown,
    );
    box.hidden = false;
    box.querySelector("h2").focus();
  }

  function tip(v, x, y) {
    const shown = aboutArrays(v).flatMap(([word, array]) => [...titled(word, array), numbers(array, ...SHOWN)]);
    const box = byId("tip");
    box.replaceChildren(html("div", {}, html("strong", {}, variables[v].name), ` ${variables[v].about}`), ...shown);
    box.hidden = false;
    const { width, height } = box.getBoundingClientRect();
    box.style.left = `${Math.max(4, Math.min(x + 16, innerWidth - width - 8))}px`;
    box.style.top = `${Math.max(4, Math.min(y + 16, innerHeight - height - 8))}px`;
  }

  variables.forEach((variable, v) => {
    for (const node of svg ? svg.querySelectorAll(`.node.v${v}`) : []) {
      filled(node, { tabindex: 0, role: "button", "aria-label": `${variable.name}: its equations and numbers` }, []);
      node.addEventListener("mousemove", (event) => tip(v, event.clientX, event.clientY));
      node.addEventListener("mouseleave", () => { byId("tip").hidden = true; });
      node.addEventListener("click", () => detail(v));
      node.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        detail(v);
      });
    }
  });

  // -- controls

  let timer = null;
  function play(on) {
    clearInterval(timer);
    timer = on ? setInterval(() => (at + 1 < pages.length ? show(at + 1) : play(false)), 1500) : null;
    byId("play").textContent = on ? "Pause" : "Play";
  }
  function go(k) {
    play(false);
    show(k);
  }
  const moves = { first: () => 0, back: () => at - 1, next: () => at + 1, last: () => pages.length - 1 };
  for (const [name, to] of Object.entries(moves)) byId(name).addEventListener("click", () => go(to()));
  byId("play").addEventListener("click", () => {
    if (!timer && at + 1 === pages.length) show(0);
    play(!timer);
  });
  byId("slider").addEventListener("input", (event) => go(Number(event.target.value)));
  const keys = { ArrowRight: moves.next, ArrowLeft: moves.back, Home: moves.first, End: moves.last };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") byId("tip").hidden = true;
    const busy = event.target.closest?.('input[type="range"], select, .scroll');
    if (busy || event.altKey || event.ctrlKey || event.metaKey || !keys[event.key]) return;
    event.preventDefault();
    go(keys[event.key]());
  });
  document.querySelectorAll("#steps tbody button").forEach((button, k) =>
    button.addEventListener("click", () => go(k)));
  byId("large").addEventListener("change", (event) => {
    byId("picture").classList.toggle("wide", event.target.checked);
    follow(pages[at]);
  });
  byId("theme").addEventListener("change", (event) => {
    document.documentElement.dataset.theme = event.target.value;
  });
  addEventListener("beforeprint", () => { byId("steps").open = true; });

  // -- training

  const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#888888", "#f0e442"];
  const CODE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const LEFT = 4, WIDE = 300, HIGH = 120; // of the loss's curve

  function curve(losses) {
    const finite = losses.filter((x) => typeof x !== "string");
    const low = Math.min(...finite), high = Math.max(...finite), span = high - low || 1;
    const points = losses.map((x, k) => [
      LEFT + (WIDE * k) / Math.max(1, losses.length - 1),
      typeof x === "string" ? LEFT : LEFT + HIGH * (1 - (x - low) / span),
    ]);
    const width = WIDE + 2 * LEFT, height = HIGH + 2 * LEFT;
    const image = drawn("svg", { viewBox: `0 0 ${width} ${height}`, class: "curve", "aria-hidden": "true" });
    image.append(drawn("rect", { x: 0, y: 0, width, height, class: "frame" }));
    image.append(drawn("polyline", { points: points.map((p) => p.join(",")).join(" ") }));
    const dot = drawn("circle", { r: 5 });
    image.append(dot);
    return [image, (k) => filled(dot, { cx: points[k][0], cy: points[k][1] }, [])];
  }

  const shapes = [
    (x, y) => drawn("circle", { cx: x, cy: y, r: 2.6 }),
    (x, y) => drawn("path", { d: `M${x},${y - 3.2}l3,5.4h-6z` }),
    (x, y) => drawn("rect", { x: x - 2.4, y: y - 2.4, width: 4.8, height: 4.8 }),
  ];

  function plane(region) {
    const side = 260, step = side / region.n, [left, right, bottom, top] = region.extent;
    const image = drawn("svg", {
      viewBox: `0 0 ${side} ${side}`, class: "plane", role: "img", "aria-label": "decision region",
    });
    image.append(drawn("rect", { x: 0, y: 0, width: side, height: side, class: "paper" }));
    const cells = Array.from({ length: region.n ** 2 }, (_, k) => drawn("rect", {
      x: (k % region.n) * step, y: side - (Math.floor(k / region.n) + 1) * step, width: step + 0.3, height: step + 0.3,
    }));
    image.append(...cells);
    for (const [x, y, label] of region.points) {
      const dot = shapes[label % shapes.length](
        ((x - left) / (right - left)) * side, side - ((y - bottom) / (top - bottom)) * side);
      image.append(filled(dot, { fill: COLOURS[label % COLOURS.length], class: "sample" }, []));
    }
    return [image, (k) => [...region.grids[k]].forEach((letter, i) => {
      const level = CODE.indexOf(letter), soft = region.classes === 1;
      const u = level / (CODE.length - 1);
      cells[i].setAttribute("fill", COLOURS[soft ? Number(u > 0.5) : level % COLOURS.length]);
      cells[i].setAttribute("fill-opacity", soft ? 0.85 * Math.abs(2 * u - 1) : 0.45);
    })];
  }

  function train() {
    const box = byId("training"), slider = byId("when"), last = training.at.length - 1;
    const [line, moveDot] = curve(training.loss);
    const [region, fillRegion] = training.region ? plane(training.region) : [null, () => {}];
    const said = byId("trained"), grid = byId("parameters");
    byId("curves").replaceChildren(line, ...(region ? [region] : []));
    const scales = training.parameters.map((p) => ["values", "gradients"].map((which) =>
      Math.max(0, ...p[which].flatMap((cells) => cells || []).map((x) => (typeof x === "string" ? 0 : Math.abs(x))))));
    function go(k) {
      slider.value = k;
      said.textContent = `step ${training.at[k]}: loss ${digits(training.loss[k], 4)}`;
      slider.setAttribute("aria-valuetext", said.textContent);
      moveDot(k);
      fillRegion(k);
      grid.replaceChildren(...training.parameters.map((p, i) => {
        const shown = ["values", "gradients"].map((which, j) => html("td", {}, p[which][k] === null ? "not computed" :
          picture({ ...p, cells: p[which][k] }, scales[i][j])));
        const head = html("th", { scope: "row" }, p.name, html("div", { class: "small" }, p.shape));
        return html("tr", {}, head, ...shown);
      }));
    }
    slider.max = last;
    slider.addEventListener("input", () => go(Number(slider.value)));
    let running = null;
    const button = byId("train");
    function run(on) {
      clearInterval(running);
      const next = () => (Number(slider.value) < last ? go(Number(slider.value) + 1) : run(false));
      running = on ? setInterval(next, 120) : null;
      button.textContent = on ? "Pause" : "Replay";
    }
    button.addEventListener("click", () => {
      if (!running) go(Number(slider.value) < last ? Number(slider.value) : 0);
      run(!running);
    });
    box.hidden = false;
    go(last);
  }
  if (training) train();
  show(0);
})();
