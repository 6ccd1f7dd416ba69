extension ReviewSheet {
    static let head = #"""
        <!doctype html>
        <html lang="en">
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
        <title>Review</title>
        <style>
        :root { color-scheme: light dark; --line: #8885; --quiet: #888; --accept: #0a8a43; --exclude: #c62828; --crop: #00d45a; --warn: #b26a00 }
        body { margin: 0; font: 14px/1.4 system-ui, sans-serif }
        header { position: sticky; top: 0; z-index: 2; background: Canvas; border-bottom: 1px solid var(--line); padding: 8px 12px; display: flex; gap: 8px 20px; flex-wrap: wrap; align-items: center }
        h1 { font-size: 16px; margin: 0 }
        header button { font: inherit; font-weight: 600; padding: 4px 14px; border: 0; border-radius: 6px; background: var(--accept); color: #fff; cursor: pointer }
        header button:disabled { background: var(--quiet); cursor: default }
        #keys { color: var(--quiet) }
        details { padding: 8px 12px 0 }
        summary { cursor: pointer; color: var(--quiet) }
        #chart { columns: 340px; column-gap: 32px; margin-top: 6px }
        #chart button { display: grid; grid-template-columns: 84px 1fr 52px; gap: 8px; align-items: center; width: 100%; font: inherit; color: inherit; background: none; border: 0; border-radius: 4px; padding: 1px 4px; text-align: right; cursor: pointer; break-inside: avoid }
        #chart button:hover, #chart button[aria-pressed=true] { background: var(--line) }
        #chart i { background: var(--crop); height: 10px; border-radius: 2px; min-width: 2px }
        #grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(214px, 1fr)); gap: 8px; padding: 12px }
        article { position: relative; border: 2px solid var(--line); border-radius: 8px; padding: 8px; content-visibility: auto; contain-intrinsic-size: 214px 330px; outline-offset: 1px }
        article:focus { outline: 3px solid Highlight }
        article.accepted { border-color: var(--accept) }
        article.excluded { border-color: var(--exclude) }
        article.excluded .frame { filter: grayscale(1); opacity: .35 }
        article::after { position: absolute; top: -2px; right: -2px; width: 24px; border-radius: 0 8px 0 8px; color: #fff; text-align: center; font-weight: 700 }
        article.accepted::after { content: "✓"; background: var(--accept) }
        article.changed::after { content: "✎"; background: var(--warn) }
        article.excluded::after { content: "✕"; background: var(--exclude) }
        .place { height: 192px; display: flex; align-items: center; justify-content: center; color: var(--quiet) }
        .frame { position: relative; width: fit-content; line-height: 0; overflow: hidden }
        .frame span { line-height: 1.4 }
        .frame b { position: absolute; border: 2px solid var(--crop); box-sizing: border-box; box-shadow: 0 0 0 1px #000a }
        .frame b.only { box-shadow: 0 0 0 999px #000a }
        .frame u { position: absolute; border: 1px dashed #ff0; box-sizing: border-box }
        .name { font-weight: 600; margin: 6px 0 2px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis }
        .caption { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; overflow-wrap: anywhere; min-height: 1.4em }
        article:focus .caption, article:focus-within .caption { -webkit-line-clamp: unset }
        .caption.none { color: var(--quiet); font-style: italic }
        .flag { display: inline-block; max-width: 100%; box-sizing: border-box; background: #8883; border-radius: 4px; padding: 0 6px; margin: 0 4px 3px 0; font-size: 12px; overflow-wrap: anywhere }
        .flag.warn { background: var(--warn); color: #fff }
        .flag.bad { background: var(--exclude); color: #fff }
        kbd { border: 1px solid var(--line); border-radius: 3px; padding: 0 4px }
        textarea { width: 100%; box-sizing: border-box; font: inherit; margin-top: 4px }
        </style>
        <header><h1></h1><span id="count"></span>
        <label>Show <select id="filter"><option value="all">all</option><option value="flagged">flagged</option><option value="open">not judged</option><option value="changed">changed</option><option value="excluded">excluded</option></select></label>
        <button id="save">Save overrides.json</button>
        <span id="keys"><kbd>←</kbd> <kbd>→</kbd> move, <kbd>a</kbd> accept, <kbd>x</kbd> exclude, <kbd>shift</kbd>+arrows or double click move the crop, <kbd>e</kbd> caption, <kbd>u</kbd> undo, <kbd>s</kbd> save</span></header>
        <details open><summary></summary><div id="chart"></div></details><main id="grid"></main>
        <script type="application/json" id="data">
        """#

    static let tail = #"""
        </script>
        <script>
        "use strict";
        const data = JSON.parse(document.getElementById("data").textContent);
        // What was decided before this page was made stays decided.
        const before = data.overrides || {}, overrides = structuredClone(before);
        const cards = [];
        let isSaved = true, size = null;
        document.title = data.title + ": review";
        document.querySelector("h1").textContent = data.title;
        const element = (name, text, kind) => { const e = document.createElement(name); if (text !== undefined) e.textContent = text; if (kind) e.className = kind; return e; };
        const outputs = record => record.outputs || [], label = output => output.width + "×" + output.height;
        const own = card => overrides[card.record.input] || {};
        const change = card => { isSaved = false; return overrides[card.record.input] ||= {}; };

        function flags(record) {
          const list = [];
          if (record.status !== "prepared") list.push([record.reason ? record.status + ": " + record.reason : record.status, record.status === "failed" ? "bad" : "warn"]);
          for (const w of record.warnings || []) {
            const enlarged = w.includes("is larger than the part of the original");
            if (!enlarged || !list.some(f => f[0] === "enlarged")) list.push([enlarged ? "enlarged" : w, "warn", w]);
          }
          const s = record.scores;
          if (s) {
            if (s.sharpness < 100) list.push(["soft", "warn", "sharpness " + s.sharpness]);
            if (s.dark > .5) list.push(["dark", "warn", Math.round(100 * s.dark) + " % almost black"]);
            if (s.bright > .5) list.push(["bright", "warn", Math.round(100 * s.bright) + " % almost white"]);
          }
          for (const o of outputs(record)) if (!o.mirrored) list.push([o.subject + " " + label(o), "", o.reason]);
          return list;
        }

        function draw(card) {
          const { record, frame } = card, decided = own(card);
          frame.querySelectorAll("b, u").forEach(e => e.remove());
          const [w, h] = record.original || [1, 1];
          const place = (kind, box, title) => {
            const e = element(kind);
            Object.assign(e.style, { left: 100 * box[0] / w + "%", top: 100 * box[1] / h + "%", width: 100 * (box[2] - box[0]) / w + "%", height: 100 * (box[3] - box[1]) / h + "%" });
            if (title) e.title = title;
            frame.append(e);
            return e;
          };
          const drawn = new Set();
          outputs(record).forEach((o, i) => {
            for (const d of o.detections || []) if (!drawn.has(String(d.box))) { drawn.add(String(d.box)); place("u", d.box, "score " + d.score); }
            const box = i === 0 && decided.box ? decided.box : o.crop;
            if (!drawn.has(String(box))) { drawn.add(String(box)); place("b", box, o.reason); }
          });
          const crops = frame.querySelectorAll("b");
          if (crops.length === 1) crops[0].className = "only";
          card.text.textContent = decided.caption ?? record.caption ?? "no caption";
          card.text.classList.toggle("none", !(decided.caption ?? record.caption));
          card.node.classList.toggle("excluded", !!decided.exclude);
          card.node.classList.toggle("changed", !decided.exclude && Object.keys(decided).length > 0);
          card.node.classList.toggle("accepted", card.accepted && !decided.exclude);
        }

        function count() {
          const judged = cards.filter(c => c.accepted || own(c).exclude).length, excluded = cards.filter(c => own(c).exclude).length;
          document.getElementById("count").textContent = cards.length + (cards.length === 1 ? " picture, " : " pictures, ") + judged + " judged, " + excluded + " excluded";
          document.getElementById("save").disabled = isSaved && !Object.keys(overrides).length;
        }

        function update(card) { draw(card); count(); }

        /** Moves the crop so that its upper left corner comes to (left, top), or as near as the picture allows. */
        function moveCrop(card, left, top) {
          const output = outputs(card.record)[0];
          if (!output) return;
          const [w, h] = card.record.original, box = own(card).box || output.crop, [width, height] = [box[2] - box[0], box[3] - box[1]];
          const x = Math.max(0, Math.min(w - width, left)), y = Math.max(0, Math.min(h - height, top));
          const decided = change(card);
          decided.box = [x, y, x + width, y + height].map(v => Math.round(v * 100) / 100);
          delete decided.exclude;
          update(card);
        }

        function nudge(card, dx, dy) {
          const output = outputs(card.record)[0];
          if (!output) return;
          const box = own(card).box || output.crop, [w, h] = card.record.original;
          moveCrop(card, box[0] + dx * w / 50, box[1] + dy * h / 50);
        }

        function caption(card) {
          if (card.node.querySelector("textarea")) return;
          const field = element("textarea");
          field.rows = 4;
          field.value = own(card).caption ?? card.record.caption ?? "";
          card.text.replaceChildren(field);
          field.focus();
          field.addEventListener("keydown", e => { e.stopPropagation(); if (e.key === "Escape" || (e.key === "Enter" && !e.shiftKey)) { e.preventDefault(); field.blur(); card.node.focus(); } });
          field.addEventListener("blur", () => {
            if (field.value !== (own(card).caption ?? card.record.caption ?? "")) change(card).caption = field.value;
            update(card);
          });
        }

        function save() {
          const kept = {};
          for (const [name, value] of Object.entries(overrides)) if (Object.keys(value).length) kept[name] = value;
          const link = element("a");
          link.href = URL.createObjectURL(new Blob([JSON.stringify(kept, null, 2) + "\n"], { type: "application/json" }));
          link.download = "overrides.json";
          link.click();
          setTimeout(() => URL.revokeObjectURL(link.href), 1000);
          isSaved = true;
          count();
          return kept;
        }
        addEventListener("beforeunload", e => { if (!isSaved) e.preventDefault(); });

        const grid = document.getElementById("grid"), sizes = new Map();
        for (const { record, thumbnail } of data.items) {
          const node = element("article"), place = element("div", undefined, "place"), frame = element("div", undefined, "frame");
          node.tabIndex = 0;
          if (thumbnail) { const image = element("img"); image.src = thumbnail; image.alt = ""; image.decoding = "async"; frame.append(image); }
          else frame.append(element("span", "cannot be shown"));
          place.append(frame);
          const text = element("div", undefined, "caption"), name = element("div", record.input, "name"), marks = element("div"), list = flags(record);
          name.title = record.input;
          for (const [words, kind, title] of list) { const e = element("span", words, "flag " + kind); if (title) e.title = title; marks.append(e); }
          node.append(place, name, marks, text);
          const card = { record, node, frame, text, accepted: false, flagged: list.some(f => f[1] !== "") };
          node.addEventListener("click", e => { if (e.target.tagName !== "TEXTAREA") node.focus(); });
          frame.addEventListener("dblclick", e => {
            const output = outputs(record)[0];
            if (!output) return;
            const area = frame.getBoundingClientRect(), box = own(card).box || output.crop, [w, h] = record.original;
            moveCrop(card, (e.clientX - area.left) / area.width * w - (box[2] - box[0]) / 2, (e.clientY - area.top) / area.height * h - (box[3] - box[1]) / 2);
          });
          cards.push(card);
          grid.append(node);
          draw(card);
          for (const o of outputs(record)) sizes.set(label(o), (sizes.get(label(o)) || 0) + 1);
        }

        const filter = document.getElementById("filter");
        function show() {
          for (const c of cards) {
            const decided = own(c);
            const visible = { all: true, flagged: c.flagged, open: !c.accepted && !decided.exclude, changed: Object.keys(decided).length > 0, excluded: !!decided.exclude }[filter.value];
            c.node.style.display = visible && (size === null || outputs(c.record).some(o => label(o) === size)) ? "" : "none";
          }
        }
        filter.addEventListener("change", show);
        const chart = document.getElementById("chart"), most = Math.max(1, ...sizes.values());
        document.querySelector("summary").textContent = sizes.size === 1 ? "1 size" : sizes.size + " sizes; click one to see only its pictures";
        for (const [name, n] of [...sizes].sort((a, b) => b[1] - a[1])) {
          const row = element("button"), bar = element("i");
          bar.style.width = 100 * n / most + "%";
          row.append(element("span", name), bar, element("span", n));
          row.addEventListener("click", () => {
            size = size === name ? null : name;
            for (const other of chart.children) other.setAttribute("aria-pressed", other === row && size !== null);
            show();
          });
          chart.append(row);
        }
        count();

        const shown = () => cards.filter(c => c.node.style.display !== "none");
        function move(card, step) {
          const list = shown(), next = list[Math.max(0, Math.min(list.length - 1, list.indexOf(card) + step))];
          if (next) { next.node.focus(); next.node.scrollIntoView({ block: "nearest" }); }
        }
        document.addEventListener("keydown", e => {
          if (["TEXTAREA", "SELECT"].includes(e.target.tagName) || e.ctrlKey || e.metaKey || e.altKey) return;
          if (e.key === "s") { save(); return; }
          const card = cards.find(c => c.node === document.activeElement);
          const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
          if (!card) { const first = shown()[0]; if (arrow && first) { e.preventDefault(); move(first, 0); } return; }
          const columns = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
          if (arrow && e.shiftKey) nudge(card, ...arrow);
          else if (arrow) move(card, arrow[0] + arrow[1] * columns);
          else if (e.key === "a") { card.accepted = true; if (own(card).exclude) delete change(card).exclude; update(card); move(card, 1); }
          else if (e.key === "x") { if (own(card).exclude) delete change(card).exclude; else change(card).exclude = true; card.accepted = false; update(card); }
          else if (e.key === "u") { isSaved = false; delete overrides[card.record.input]; card.accepted = false; update(card); }
          else if (e.key === "e") caption(card);
          else return;
          e.preventDefault();
        });
        document.getElementById("save").addEventListener("click", save);
        </script>
        </html>
        """#
}
