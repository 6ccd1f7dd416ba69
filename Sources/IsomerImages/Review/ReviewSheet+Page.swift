extension ReviewSheet {
    static let head = #"""
        <!doctype html>
        <html lang="en">
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
        <title>Review</title>
        <style>
        :root { color-scheme: light dark; --line: #8886; --accept: #0a7d3c; --exclude: #c22; --crop: #00d45a }
        body { margin: 0; font: 14px/1.4 system-ui, sans-serif }
        header { position: sticky; top: 0; z-index: 2; background: Canvas; border-bottom: 1px solid var(--line); padding: 8px 12px; display: flex; gap: 16px; flex-wrap: wrap; align-items: center }
        h1 { font-size: 16px; margin: 0 }
        #chart { padding: 8px 12px; display: grid; grid-template-columns: max-content 1fr max-content; gap: 2px 8px; max-width: 640px }
        #chart i { background: var(--crop); height: 12px; align-self: center; min-width: 1px }
        #grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(210px, 1fr)); gap: 8px; padding: 12px }
        article { border: 2px solid var(--line); border-radius: 6px; padding: 6px; content-visibility: auto; contain-intrinsic-size: 210px 300px; outline-offset: 1px; overflow-wrap: anywhere }
        article:focus { outline: 3px solid Highlight }
        article.accepted { border-color: var(--accept) }
        article.excluded { border-color: var(--exclude); opacity: .5 }
        .frame { position: relative; width: fit-content; margin: 0 auto; line-height: 0 }
        .frame b { position: absolute; border: 2px solid var(--crop); box-sizing: border-box; box-shadow: 0 0 0 1px #000a }
        .frame u { position: absolute; border: 1px dashed #ff0; box-sizing: border-box }
        .name { font-weight: 600; margin-top: 6px }
        .flag { display: inline-block; background: #c22; color: #fff; border-radius: 3px; padding: 0 5px; margin: 0 4px 2px 0; font-size: 12px }
        .flag.note { background: #667 }
        kbd { border: 1px solid var(--line); border-radius: 3px; padding: 0 4px }
        textarea { width: 100%; box-sizing: border-box; font: inherit; margin-top: 4px }
        </style>
        <header><h1></h1><span id="count"></span>
        <label>Show <select id="filter"><option value="all">all</option><option value="flagged">flagged</option><option value="open">not judged</option><option value="excluded">excluded</option></select></label>
        <span><kbd>←</kbd> <kbd>→</kbd> move, <kbd>a</kbd> accept, <kbd>x</kbd> exclude, <kbd>shift</kbd>+arrows nudge, <kbd>u</kbd> undo, <kbd>e</kbd> caption, <kbd>s</kbd> save</span>
        <button id="save">Save overrides.json</button></header>
        <div id="chart"></div><main id="grid"></main>
        <script type="application/json" id="data">
        """#

    static let tail = #"""
        </script>
        <script>
        "use strict";
        const data = JSON.parse(document.getElementById("data").textContent);
        const overrides = {};
        const cards = [];
        document.querySelector("h1").textContent = data.title;
        const element = (name, text, kind) => { const e = document.createElement(name); if (text !== undefined) e.textContent = text; if (kind) e.className = kind; return e; };

        function flags(record) {
          const list = [];
          if (record.status !== "prepared") list.push([record.status + (record.reason ? ": " + record.reason : ""), ""]);
          for (const w of record.warnings || []) list.push([w, ""]);
          const s = record.scores;
          if (s) {
            if (s.sharpness < 100) list.push(["soft (" + s.sharpness + ")", ""]);
            if (s.dark > .5) list.push(["dark", ""]);
            if (s.bright > .5) list.push(["bright", ""]);
          }
          for (const o of record.outputs || []) list.push([o.subject + " " + o.width + "×" + o.height, "note"]);
          return list;
        }

        function draw(card) {
          const { record, frame } = card;
          frame.querySelectorAll("b, u").forEach(e => e.remove());
          const [w, h] = record.original || [1, 1];
          const place = (kind, box, title) => {
            const e = element(kind);
            Object.assign(e.style, { left: 100 * box[0] / w + "%", top: 100 * box[1] / h + "%", width: 100 * (box[2] - box[0]) / w + "%", height: 100 * (box[3] - box[1]) / h + "%" });
            e.title = title;
            frame.append(e);
          };
          const own = overrides[record.input];
          (record.outputs || []).forEach((o, i) => {
            for (const d of o.detections || []) place("u", d.box, "score " + d.score);
            place("b", i === 0 && own && own.box ? own.box : o.crop, o.reason);
          });
          card.node.classList.toggle("excluded", !!(own && own.exclude));
          card.node.classList.toggle("accepted", card.accepted);
        }

        function count() {
          const judged = cards.filter(c => c.accepted || (overrides[c.record.input] || {}).exclude).length;
          const excluded = cards.filter(c => (overrides[c.record.input] || {}).exclude).length;
          document.getElementById("count").textContent = cards.length + " pictures, " + judged + " judged, " + excluded + " excluded";
        }

        function nudge(card, dx, dy) {
          const output = (card.record.outputs || [])[0];
          if (!output) return;
          const [w, h] = card.record.original;
          const own = overrides[card.record.input] ||= {};
          const box = (own.box || output.crop).slice();
          const x = Math.max(-box[0], Math.min(w - box[2], dx * w / 50)), y = Math.max(-box[1], Math.min(h - box[3], dy * h / 50));
          own.box = [box[0] + x, box[1] + y, box[2] + x, box[3] + y].map(v => Math.round(v * 100) / 100);
          delete own.exclude;
          draw(card);
          count();
        }

        function caption(card) {
          if (card.node.querySelector("textarea")) return;
          const field = element("textarea");
          field.rows = 3;
          field.value = (overrides[card.record.input] || {}).caption ?? card.record.caption ?? "";
          card.text.replaceChildren(field);
          field.focus();
          field.addEventListener("keydown", e => { e.stopPropagation(); if (e.key === "Escape" || (e.key === "Enter" && !e.shiftKey)) { e.preventDefault(); field.blur(); card.node.focus(); } });
          field.addEventListener("blur", () => {
            if (field.value !== (card.record.caption ?? "")) (overrides[card.record.input] ||= {}).caption = field.value;
            card.text.textContent = field.value;
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
          return kept;
        }

        const grid = document.getElementById("grid"), sizes = new Map();
        for (const { record, thumbnail } of data.items) {
          const node = element("article"), frame = element("div", undefined, "frame");
          node.tabIndex = 0;
          if (thumbnail) { const image = element("img"); image.src = thumbnail; image.alt = ""; image.decoding = "async"; frame.append(image); }
          const text = element("div", record.caption || "", "caption"), marks = element("div"), list = flags(record);
          for (const [words, kind] of list) marks.append(element("span", words, "flag " + kind));
          node.append(frame, element("div", record.input, "name"), marks, text);
          const card = { record, node, frame, text, accepted: false, flagged: list.some(f => f[1] === "") };
          node.addEventListener("click", () => node.focus());
          cards.push(card);
          grid.append(node);
          draw(card);
          for (const o of record.outputs || []) { const k = o.width + "×" + o.height; sizes.set(k, (sizes.get(k) || 0) + 1); }
        }
        const chart = document.getElementById("chart"), most = Math.max(1, ...sizes.values());
        for (const [size, n] of [...sizes].sort((a, b) => b[1] - a[1])) {
          const bar = element("i");
          bar.style.width = 100 * n / most + "%";
          chart.append(element("span", size), bar, element("span", n));
        }
        count();

        const shown = () => cards.filter(c => c.node.style.display !== "none");
        function move(card, step) {
          const list = shown(), next = list[Math.max(0, Math.min(list.length - 1, list.indexOf(card) + step))];
          if (next) { next.node.focus(); next.node.scrollIntoView({ block: "nearest" }); }
        }
        document.addEventListener("keydown", e => {
          if (e.target.tagName === "TEXTAREA" || e.target.tagName === "SELECT" || e.ctrlKey || e.metaKey || e.altKey) return;
          if (e.key === "s") { save(); return; }
          const card = cards.find(c => c.node === document.activeElement);
          const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
          if (!card) { if (arrow && cards.length) { e.preventDefault(); move(cards[0], 0); } return; }
          const columns = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
          if (arrow && e.shiftKey) nudge(card, ...arrow);
          else if (arrow) move(card, arrow[0] + arrow[1] * columns);
          else if (e.key === "a") { card.accepted = true; delete (overrides[card.record.input] || {}).exclude; draw(card); count(); move(card, 1); }
          else if (e.key === "x") { const own = overrides[card.record.input] ||= {}; if (own.exclude) delete own.exclude; else own.exclude = true; card.accepted = false; draw(card); count(); }
          else if (e.key === "u") { delete overrides[card.record.input]; card.accepted = false; card.text.textContent = card.record.caption || ""; draw(card); count(); }
          else if (e.key === "e") caption(card);
          else return;
          e.preventDefault();
        });
        document.getElementById("save").addEventListener("click", save);
        document.getElementById("filter").addEventListener("change", e => {
          for (const c of cards) {
            const own = overrides[c.record.input] || {};
            const visible = { all: true, flagged: c.flagged, open: !c.accepted && !own.exclude, excluded: !!own.exclude }[e.target.value];
            c.node.style.display = visible ? "" : "none";
          }
        });
        </script>
        </html>
        """#
}
