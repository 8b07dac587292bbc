/* The funnel: one row per class and setting, sortable; a row or a reason leads to its pictures. A part of the rows is
   in the page at a time, for a browser needs seconds for thousands. */
varireal.funnel = (() => {
  const STEP = 300;
  const { facts, loadCounts } = varireal.store;
  const { h, svg, number } = varireal.dom;
  const root = document.getElementById("funnel");
  const label = new Map(facts.reasons.map(([code, text]) => [code, text]));
  const record = ([id, name, attribute, arm, wanted, made, accepted, short, reasons]) =>
    ({ id, name, attribute, arm, wanted, made, accepted, short, reasons, share: wanted ? accepted / wanted : 0 });
  const COLUMNS = [
    ["name", "Class"], ["attribute", "Attribute"], ["arm", "Arm"], ["share", "Accepted of wanted"],
    ["wanted", "Wanted", true], ["made", "Made", true], ["accepted", "Accepted", true], ["short", "Short", true], ["reasons", "Not accepted because"],
  ];
  const sort = { column: null, down: false };
  let choose = () => {};
  let rows = null;
  let shown = STEP;
  const body = h("tbody", {});
  const more = h("button", { type: "button", class: "plain more", on: { click: () => { shown += STEP; fill(); } } });
  const heads = new Map();

  const bar = (row) =>
    svg("svg", { class: "bar", "data-arm": row.arm, viewBox: "0 0 100 8", preserveAspectRatio: "none", role: "img", "aria-label": `${Math.round(100 * row.share)} %` },
      svg("rect", { class: "rest", width: 100, height: 8 }), svg("rect", { class: "done", width: (100 * row.share).toFixed(2), height: 8 }));

  const line = (row) => {
    const filter = { class: row.id, attribute: row.attribute, arm: row.arm };
    const count = (name, extra = "") => h("td", { class: `number ${extra}` }, number.format(row[name]));
    return h("tr", {},
      h("th", { scope: "row" }, h("button", { type: "button", class: "link", on: { click: () => choose(filter) } }, row.name)),
      h("td", {}, row.attribute), h("td", { class: "arm", "data-arm": row.arm }, row.arm), h("td", { class: "barcol" }, bar(row)),
      count("wanted"), count("made", "faint"), count("accepted"), count("short", row.short ? "strong" : "faint"),
      h("td", { class: "why" }, h("div", {}, row.reasons.map(([code, total]) =>
        h("button", { type: "button", class: "chip", on: { click: () => choose({ ...filter, reason: code }) } },
          h("span", {}, label.get(code) || code), h("span", { class: "tally" }, number.format(total)))))));
  };

  const key = (row) => (sort.column === "reasons" ? row.reasons.reduce((sum, [, count]) => sum + count, 0) : row[sort.column]);
  const fill = () => {
    const order = [...rows];
    if (sort.column) {
      const collator = new Intl.Collator(undefined, { numeric: true });
      order.sort((a, b) => (typeof key(a) === "string" ? collator.compare(key(a), key(b)) : key(a) - key(b)) * (sort.down ? -1 : 1));
    }
    body.replaceChildren(...order.slice(0, shown).map(line));
    more.hidden = shown >= rows.length;
    more.textContent = `Show ${number.format(Math.min(STEP, rows.length - shown))} more of ${number.format(rows.length)} rows`;
    for (const [name, head] of heads)
      head.setAttribute("aria-sort", name !== sort.column ? "none" : sort.down ? "descending" : "ascending");
  };

  const sortBy = (name) => {
    const text = ["name", "attribute", "arm"].includes(name);
    Object.assign(sort, sort.column === name ? { down: !sort.down } : { column: name, down: !text });
    shown = STEP;
    fill();
  };

  const say = (text) => root.append(h("p", { class: "notice" }, text));

  const build = async (onChoose) => {
    if (rows) return;
    choose = onChoose;
    rows = [];
    try {
      const found = await loadCounts();
      if (!found) return say("The counts by class are not in this copy; the whole page has them.");
      rows = found.map(record);
    } catch (error) {
      return say(`The counts are not here: ${error.message} could not be read. Keep the folder “data” beside this page.`);
    }
    table();
    fill();
  };

  const table = () => {
    const total = (name) => h("td", { class: "number" }, number.format(rows.reduce((sum, row) => sum + row[name], 0)));
    root.append(h("table", { class: "funnel" },
      h("thead", {}, h("tr", {}, COLUMNS.map(([name, text, numeric]) => {
        const head = h("th", { scope: "col", class: numeric ? "number" : null, "aria-sort": "none" },
          h("button", { type: "button", class: "link", on: { click: () => sortBy(name) } }, text));
        heads.set(name, head);
        return head;
      }))),
      body,
      h("tfoot", {}, h("tr", {}, h("th", { scope: "row" }, "All"), h("td", {}), h("td", {}), h("td", { class: "barcol" }), ["wanted", "made", "accepted", "short"].map(total), h("td", {})))), more);
  };

  return { build };
})();
